package com.datastax.driver.core;

import java.lang.reflect.Field;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Reads private fields of the driver; the driver is read, never written. */
final class Reflected {

  private static final Map<Class<?>, Map<String, Field>> FIELDS = new ConcurrentHashMap<>();

  private Reflected() {}

  /** The value of a field of an object, declared in its class or above it. */
  static <T> T field(Object object, String name, Class<T> type) {
    try {
      return type.cast(find(object.getClass(), name).get(object));
    } catch (IllegalAccessException error) {
      throw new IllegalStateException(error);
    }
  }

  /** A long of an object. */
  static long number(Object object, String name) {
    try {
      return find(object.getClass(), name).getLong(object);
    } catch (IllegalAccessException error) {
      throw new IllegalStateException(error);
    }
  }

  /** The object around one of an inner class. */
  static <T> T outer(Object inner, Class<T> type) {
    return field(inner, "this$0", type);
  }

  private static Field find(Class<?> type, String name) {
    return FIELDS
        .computeIfAbsent(type, unused -> new ConcurrentHashMap<>())
        .computeIfAbsent(name, unused -> search(type, name));
  }

  private static Field search(Class<?> type, String name) {
    for (Class<?> at = type; at != null; at = at.getSuperclass()) {
      for (Field field : at.getDeclaredFields()) {
        if (field.getName().equals(name)) {
          field.setAccessible(true);
          return field;
        }
      }
    }
    throw new IllegalStateException(type + " has no field " + name);
  }
}
