/* Which arm a user is in: the same as assignment.py, which says how and why.
     qoeArm("hd-2026", "user-42", [["sd", 0.5], ["hd", 0.5]])                         "sd" or "hd"; null: in no arm
     qoeBlockArm("hd-2026", "show-1", Date.now() / 1000, 3600, [["sd", 0.5], ["hd", 0.5]])   of a stream's hour */
(function (scope) {
  var ALL = 1.0, ROUNDED = 1e-9;
  function turned(word, by) { return (word << by) | (word >>> (32 - by)); }
  function mixed(word) { return Math.imul(turned(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593); }
  function murmur3(data, seed) {
    var state = seed, whole = data.length & ~3, rest = 0, at;
    for (at = 0; at < whole; at += 4) {
      state ^= mixed(data[at] | data[at + 1] << 8 | data[at + 2] << 16 | data[at + 3] << 24);
      state = (Math.imul(turned(state, 13), 5) + 0xe6546b64) | 0;
    }
    if (data.length > whole) {
      for (at = data.length - 1; at >= whole; at--) rest = rest << 8 | data[at];
      state ^= mixed(rest);
    }
    state ^= data.length;
    state = Math.imul(state ^ state >>> 16, 0x85ebca6b);
    state = Math.imul(state ^ state >>> 13, 0xc2b2ae35);
    return (state ^ state >>> 16) >>> 0;
  }
  function bytes(text) { return new TextEncoder().encode(text); }
  function named(text, what) {
    if (typeof text !== "string" || !text) {
      throw new TypeError(what + "'s name must be a string that is not empty: who has none is in no arm");
    }
  }
  function place(experiment, unit, salt) {
    named(unit, "a unit");
    if (!experiment || experiment.indexOf(":") >= 0) {
      throw new RangeError("an experiment's name must not be empty and must not hold a colon");
    }
    return murmur3(bytes(experiment + ":" + unit), murmur3(bytes(salt || ""), 0)) / 4294967296;
  }
  function arm(experiment, unit, shares, salt) {
    var where = place(experiment, unit, salt), total = 0, reached = 0, last = null, index;
    for (index = 0; index < shares.length; index++) {
      if (!shares[index][0] || !isFinite(shares[index][1]) || shares[index][1] < 0) {
        throw new RangeError("each arm must have a name, and a share of 0 or more");
      }
      total += shares[index][1];
    }
    if (!(total > 0 && total <= ALL + ROUNDED)) {
      throw new RangeError("shares must add up to more than 0 and at most 1, not " + total);
    }
    for (index = 0; index < shares.length; index++) {
      reached += shares[index][1];
      if (where < reached) return shares[index][0];
      if (shares[index][1] > 0) last = shares[index][0];
    }
    return total > ALL - ROUNDED ? last : null;
  }
  function blockArm(experiment, stream, at, seconds, shares, salt) {
    named(stream, "a stream");
    if (!(seconds > 0 && isFinite(seconds))) throw new RangeError("a block must have a length, in seconds");
    if (typeof at !== "number" || !isFinite(at)) throw new RangeError("a block must have a time, in Unix seconds");
    return arm(experiment, stream + "#" + Math.floor(at / seconds), shares, salt);
  }
  scope.qoePlace = place;
  scope.qoeArm = arm;
  scope.qoeBlockArm = blockArm;
})(typeof globalThis === "object" ? globalThis : self);
