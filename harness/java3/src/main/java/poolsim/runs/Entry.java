package poolsim.runs;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;

/** An object of run.json, read key by key: a value of the wrong kind or an unknown key is named. */
final class Entry {
  private final JsonObject object;
  private final String path;

  Entry(JsonObject object, String path) {
    this.object = object;
    this.path = path;
  }

  /** Refuses every key but these: an option that is not understood is not left out in silence. */
  Entry only(String... keys) throws BadRun {
    Set<String> known = new HashSet<>(Arrays.asList(keys));
    for (String key : object.keySet()) {
      if (!known.contains(key)) {
        throw new BadRun(name(key) + " is not known here; known: " + String.join(", ", keys));
      }
    }
    return this;
  }

  boolean has(String key) {
    return object.has(key) && !object.get(key).isJsonNull();
  }

  String name(String key) {
    return path.isEmpty() ? key : path + "." + key;
  }

  long whole(String key) throws BadRun {
    JsonPrimitive value = primitive(key, "a whole number");
    if (!value.isNumber()) {
      throw wrong(key, "a whole number");
    }
    return wholeOf(value, name(key));
  }

  long whole(String key, long otherwise) throws BadRun {
    return has(key) ? whole(key) : otherwise;
  }

  int count(String key, int otherwise) throws BadRun {
    return has(key) ? count(key) : otherwise;
  }

  int count(String key) throws BadRun {
    long value = whole(key);
    if (value < Integer.MIN_VALUE || value > Integer.MAX_VALUE) {
      throw wrong(key, "a smaller number");
    }
    return (int) value;
  }

  boolean flag(String key, boolean otherwise) throws BadRun {
    if (!has(key)) {
      return otherwise;
    }
    JsonPrimitive value = primitive(key, "true or false");
    if (!value.isBoolean()) {
      throw wrong(key, "true or false");
    }
    return value.getAsBoolean();
  }

  String text(String key) throws BadRun {
    JsonPrimitive value = primitive(key, "a text");
    if (!value.isString()) {
      throw wrong(key, "a text");
    }
    return value.getAsString();
  }

  String text(String key, String otherwise) throws BadRun {
    return has(key) ? text(key) : otherwise;
  }

  Entry entry(String key) throws BadRun {
    if (has(key) && !object.get(key).isJsonObject()) {
      throw wrong(key, "an object");
    }
    return new Entry(has(key) ? object.getAsJsonObject(key) : new JsonObject(), name(key));
  }

  Iterable<JsonElement> list(String key) throws BadRun {
    if (!has(key) || !object.get(key).isJsonArray()) {
      throw wrong(key, "a list");
    }
    return object.getAsJsonArray(key);
  }

  Set<String> keys() {
    return object.keySet();
  }

  BadRun wrong(String key, String wanted) {
    String found = has(key) ? object.get(key).toString() : "nothing";
    return new BadRun(name(key) + " must be " + wanted + ", not " + found);
  }

  static long wholeOf(JsonElement value, String name) throws BadRun {
    try {
      return value.getAsBigDecimal().longValueExact();
    } catch (ArithmeticException | NumberFormatException | IllegalStateException e) {
      throw new BadRun(name + " must be a whole number, not " + value);
    }
  }

  private JsonPrimitive primitive(String key, String wanted) throws BadRun {
    if (!has(key) || !object.get(key).isJsonPrimitive()) {
      throw wrong(key, wanted);
    }
    return object.getAsJsonPrimitive(key);
  }
}
