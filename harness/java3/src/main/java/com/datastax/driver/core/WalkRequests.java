package com.datastax.driver.core;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Predicate;

/** Requests in one state, from which one can be drawn. */
final class WalkRequests {

  private final List<WalkRequest> requests = new ArrayList<>();

  int size() {
    return requests.size();
  }

  boolean isEmpty() {
    return requests.isEmpty();
  }

  void add(WalkRequest request) {
    requests.add(request);
  }

  void remove(WalkRequest request) {
    requests.remove(request);
  }

  WalkRequest draw(SplittableRandom random) {
    return requests.get(random.nextInt(requests.size()));
  }

  /** One of those that are wanted, or null. */
  WalkRequest draw(SplittableRandom random, Predicate<WalkRequest> wanted) {
    int start = random.nextInt(Math.max(1, requests.size()));
    for (int k = 0; k < requests.size(); k++) {
      WalkRequest request = requests.get((start + k) % requests.size());
      if (wanted.test(request)) {
        return request;
      }
    }
    return null;
  }

  /** Take all out that are wanted. */
  List<WalkRequest> take(Predicate<WalkRequest> wanted) {
    List<WalkRequest> taken = new ArrayList<>();
    requests.removeIf(
        request -> {
          boolean take = wanted.test(request);
          if (take) {
            taken.add(request);
          }
          return take;
        });
    return taken;
  }
}
