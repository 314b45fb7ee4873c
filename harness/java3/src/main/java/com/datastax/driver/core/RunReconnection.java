package com.datastax.driver.core;

import java.lang.reflect.Field;

/** What a task of the driver's reconnection executor is about. */
public final class RunReconnection {
  private static final Field NAME = field("name");
  private static final Field SCHEDULE = field("schedule");

  private RunReconnection() {}

  public static boolean is(Runnable task) {
    return task instanceof AbstractReconnectionHandler;
  }

  /** The host as it prints, or "Control connection". */
  public static String name(Runnable task) {
    return (String) value(NAME, task);
  }

  /** The schedule that the policy gave for this series of attempts. */
  public static Object schedule(Runnable task) {
    return value(SCHEDULE, task);
  }

  /** Whether the series was given up, for instance because the host came back another way. */
  public static boolean isCancelled(Runnable task) {
    return ((AbstractReconnectionHandler) task).handlerFuture.isCancelled();
  }

  private static Object value(Field field, Runnable task) {
    try {
      return field.get(task);
    } catch (IllegalAccessException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Field field(String name) {
    try {
      Field field = AbstractReconnectionHandler.class.getDeclaredField(name);
      field.setAccessible(true);
      return field;
    } catch (NoSuchFieldException e) {
      throw new IllegalStateException("this driver's reconnection is not the one known here", e);
    }
  }
}
