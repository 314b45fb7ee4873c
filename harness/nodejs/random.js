'use strict';
// A walk's own draws, the same for the same seed (a linear congruential generator of 64 bits whose
// high half is used; constants by Knuth, MMIX). `Math.random` is the driver's, and is set by the walk.

const MULTIPLIER = 6364136223846793005n;
const INCREMENT = 1442695040888963407n;
const MASK = (1n << 64n) - 1n;

class Random {
  constructor(seed) {
    this.state = BigInt(seed);
    for (let i = 0; i < 8; i++) {
      this.next();
    }
  }

  /** At least 0, below 1. */
  next() {
    this.state = (this.state * MULTIPLIER + INCREMENT) & MASK;
    return Number(this.state >> 32n) / 2 ** 32;
  }

  /** A whole number below a limit. */
  below(limit) {
    return Math.floor(this.next() * limit);
  }

  /** One of some things. */
  of(things) {
    return things[this.below(things.length)];
  }

  /** One of some names, by their weights. */
  weighed(weights) {
    const entries = Object.entries(weights).filter(([, weight]) => weight > 0);
    let left = this.next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [name, weight] of entries) {
      left -= weight;
      if (left < 0) {
        return name;
      }
    }
    return entries[entries.length - 1][0];
  }
}

module.exports = { Random };
