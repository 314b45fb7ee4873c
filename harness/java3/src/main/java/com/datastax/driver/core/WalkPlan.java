package com.datastax.driver.core;

import com.google.gson.JsonObject;

/** One walk as it was asked for: the seed, the pool's options, and how often what is done. */
final class WalkPlan {

  final String name;
  final long seed;
  final int operations;
  final int protocol;
  final HostDistance distance;
  final String listen;

  final int core;
  final int max;
  final int maxRequests;
  final int threshold;
  final int maxQueueSize;
  final int poolTimeoutMs;
  final int idleTimeoutS;
  final long reconnectionBaseMs;
  final long reconnectionMaxMs;

  /** Share of borrows that are requests through the session, sent to the node. */
  final double requests;

  /** Weights of operations beside borrow and release, which have 1 between them. */
  final double cleanups;

  final double losses;
  final double refusals;
  final double timeouts;
  final double lateResponses;
  final double expiries;
  final double holds;
  final double heldFor;

  WalkPlan(JsonObject plan) {
    name = plan.get("name").getAsString();
    seed = plan.get("seed").getAsLong();
    operations = plan.get("operations").getAsInt();
    protocol = plan.get("protocol").getAsInt();
    distance = HostDistance.valueOf(plan.get("distance").getAsString().toUpperCase());
    listen = plan.get("listen").getAsString();
    JsonObject options = plan.getAsJsonObject("options");
    core = options.get("core").getAsInt();
    max = options.get("max").getAsInt();
    maxRequests = options.get("max_requests").getAsInt();
    threshold = options.get("new_connection_threshold").getAsInt();
    maxQueueSize = options.get("max_queue_size").getAsInt();
    poolTimeoutMs = options.get("pool_timeout_ms").getAsInt();
    idleTimeoutS = options.get("idle_timeout_s").getAsInt();
    reconnectionBaseMs = options.get("reconnection_base_ms").getAsLong();
    reconnectionMaxMs = options.get("reconnection_max_ms").getAsLong();
    JsonObject mix = plan.getAsJsonObject("mix");
    requests = mix.get("requests").getAsDouble();
    cleanups = mix.get("cleanups").getAsDouble();
    losses = mix.get("losses").getAsDouble();
    refusals = mix.get("refusals").getAsDouble();
    timeouts = mix.get("timeouts").getAsDouble();
    lateResponses = mix.get("late_responses").getAsDouble();
    expiries = mix.get("expiries").getAsDouble();
    holds = mix.get("holds").getAsDouble();
    heldFor = mix.get("held_for").getAsDouble();
  }

  /** The header of the walk's trace. */
  JsonObject header() {
    JsonObject options = new JsonObject();
    options.addProperty("core", core);
    options.addProperty("max", max);
    options.addProperty("max_requests", maxRequests);
    options.addProperty("new_connection_threshold", threshold);
    options.addProperty("max_queue_size", maxQueueSize);
    options.addProperty("pool_timeout", poolTimeoutMs + "ms");
    options.addProperty("idle_timeout", idleTimeoutS + "s");
    options.addProperty("reconnection_base", reconnectionBaseMs + "ms");
    options.addProperty("reconnection_max", reconnectionMaxMs + "ms");
    JsonObject header = new JsonObject();
    header.addProperty("format", "poolsim.decisions/1");
    header.addProperty("driver", "java3");
    header.addProperty("driver_version", Cluster.getDriverVersion());
    header.addProperty("protocol", protocol);
    header.addProperty("distance", distance.name().toLowerCase());
    header.addProperty("seed", seed);
    header.addProperty("walk", name);
    header.add("options", options);
    return header;
  }
}
