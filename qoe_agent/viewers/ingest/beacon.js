/* Tells the agent what a <video> shows, and when its viewer leaves, which players do not. In a page with one <video>:
     <script src="https://HOST/in/KEY/beacon.js" data-stream="show-1" data-user="u42" data-arm="hd"></script>
   or, without data-stream: var tell = qoeBeacon(video, {stream: "show-1", user: "u42", attributes: {tier: "gold"}});
   and tell("order", {value: 12.5, currency: "EUR"}), tell("message_sent", {message: "m1"}), as in the schema. */
(function (script) {
  var url = script.src.replace(/beacon\.js.*$/, "events"), every = 5;
  var means = { playing: "playing", waiting: "stalled", seeking: "seeking", pause: "paused", ended: "ended",
    error: "failed" };
  var known = ["stream", "user", "arm", "experiment", "region", "cdn", "device"];
  window.qoeBeacon = function (video, about) {
    var session = window.crypto && crypto.randomUUID ? crypto.randomUUID() : Date.now() + "-" + Math.random();
    var sn = 0, asked = Date.now(), started = false, state = "starting", since = asked, gone = false, waiting = [];
    function tell(kind, more) {
      var said = { kind: kind, session: session, sn: sn++, at: Date.now() / 1000, state: state, interval_seconds: every,
        background: document.visibilityState === "hidden" };
      if (video.videoHeight) said.height = video.videoHeight;
      waiting = waiting.concat(Object.assign(said, about, more)).slice(-100);
      if (navigator.sendBeacon(url, JSON.stringify(waiting))) waiting = []; // else with the next: nothing counts twice
    }
    function turn(next) {
      var before = state, began = since, now = Date.now(), more = { at: now / 1000 };
      if (next === before || (next === "stalled" && before !== "playing")) return;
      state = next; since = now;
      if (next === "playing" && !started) { started = true; more.startup_seconds = (now - asked) / 1000; }
      if (before === "stalled") {
        tell("stall", { at: began / 1000, stall_seconds: (now - began) / 1000, state: before });
      }
      tell("heartbeat", more);
    }
    Object.keys(means).forEach(function (name) { video.addEventListener(name, function () { turn(means[name]); }); });
    document.addEventListener("visibilitychange", function () { if (!gone) tell("heartbeat"); });
    addEventListener("pagehide", function () { if (!gone) tell("leave", { cause: "quit" }); gone = true; });
    addEventListener("pageshow", function (event) { if (event.persisted) { gone = false; tell("join"); } });
    setInterval(function () { if (!gone) tell("heartbeat"); }, every * 1000);
    if (!video.paused && video.readyState > 2) state = "playing";
    tell("join");
    return tell;
  };
  function begin() {
    var video = document.querySelector("video"), about = {};
    known.forEach(function (key) { if (script.dataset[key]) about[key] = script.dataset[key]; });
    if (video) window.qoeBeacon(video, about);
  }
  if (!script.dataset.stream) return;
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", begin); else begin();
})(document.currentScript);
