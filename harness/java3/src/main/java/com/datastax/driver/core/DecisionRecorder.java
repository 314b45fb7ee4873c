package com.datastax.driver.core;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.BufferedWriter;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Records decisions: random walks over real pools, several side by side, a file each.
 *
 * <p>Given one JSON file (the harness writes it). Prints a JSON line for every walk that ended;
 * exits 0 when all are there, 1 when one failed. A walk whose file is there is not made again.
 */
public final class DecisionRecorder {

  private static final int TRIES = 3;

  private final JsonObject order;
  private final InetSocketAddress control;
  private final Path out;
  private final AtomicBoolean failed = new AtomicBoolean();

  private DecisionRecorder(JsonObject order) {
    this.order = order;
    control = address(order.get("proxy_control").getAsString());
    out = Paths.get(order.get("out").getAsString());
  }

  /** Entry point. */
  public static void main(String[] arguments) throws Exception {
    String text = new String(Files.readAllBytes(Paths.get(arguments[0])), StandardCharsets.UTF_8);
    boolean well = new DecisionRecorder(JsonParser.parseString(text).getAsJsonObject()).record();
    // The stub server leaves threads behind that are no daemons.
    System.exit(well ? 0 : 1);
  }

  private boolean record() throws Exception {
    List<WalkPlan> plans = new ArrayList<>();
    boolean old = false;
    for (JsonElement walk : order.getAsJsonArray("walks")) {
      WalkPlan plan = new WalkPlan(walk.getAsJsonObject());
      if (!Files.exists(file(plan))) {
        plans.add(plan);
        old |= plan.protocol < 3;
      }
    }
    StubServer stub = old ? new StubServer() : null;
    ExecutorService walkers = Executors.newFixedThreadPool(order.get("parallel").getAsInt());
    for (WalkPlan plan : plans) {
      String backend = plan.protocol < 3 ? stub.address() : order.get("backend").getAsString();
      walkers.execute(() -> walk(plan, backend));
    }
    walkers.shutdown();
    walkers.awaitTermination(1, TimeUnit.DAYS);
    return !failed.get();
  }

  private Path file(WalkPlan plan) {
    return out.resolve(plan.name + ".jsonl");
  }

  private void walk(WalkPlan plan, String backend) {
    JsonObject progress = new JsonObject();
    progress.addProperty("walk", plan.name);
    for (int attempt = 1; attempt <= TRIES && !progress.has("operations"); attempt++) {
      long start = System.nanoTime();
      try {
        progress.addProperty("operations", tryWalk(plan, backend));
        progress.addProperty("asked", plan.operations);
        progress.remove("error");
      } catch (Exception | Error error) {
        progress.addProperty("error", error.toString());
        if (Boolean.getBoolean("poolsim.traces")) {
          error.printStackTrace();
        }
      }
      progress.addProperty("seconds", (System.nanoTime() - start) / 1e9);
    }
    if (progress.has("error")) {
      failed.set(true);
    }
    synchronized (this) {
      System.out.println(progress);
    }
  }

  private int tryWalk(WalkPlan plan, String backend) throws Exception {
    Path unfinished = out.resolve("." + plan.name + ".unfinished");
    try (ProxyControl proxy = new ProxyControl(control, plan.listen)) {
      proxy.listen(backend);
      try (BufferedWriter trace = Files.newBufferedWriter(unfinished, StandardCharsets.UTF_8)) {
        int operations = new DecisionWalk(plan, address(plan.listen), proxy, trace).run();
        if (operations < plan.operations / 2) {
          throw new IOException("a stall of the machine ended it after " + operations);
        }
        trace.flush();
        Files.move(unfinished, file(plan), StandardCopyOption.ATOMIC_MOVE);
        return operations;
      } finally {
        proxy.stopListening();
        Files.deleteIfExists(unfinished);
      }
    }
  }

  private static InetSocketAddress address(String text) {
    int colon = text.lastIndexOf(':');
    return new InetSocketAddress(
        text.substring(0, colon), Integer.parseInt(text.substring(colon + 1)));
  }
}
