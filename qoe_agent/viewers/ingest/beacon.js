/* Tells the agent what a <video> shows, and when its viewer leaves. In a page:
   <script src="https://HOST/in/KEY/beacon.js" data-stream="show-1" data-user="u42" data-arm="hd"></script>
   for the first <video>; or, without data-stream: const tell = qoeBeacon(video, {stream, user, arm, attributes}). */
(function (script) {
  var url = script.src.replace(/beacon\.js.*$/, "events"), every = 5;
  window.qoeBeacon = function (video, more) {
    var session = window.crypto && crypto.randomUUID ? crypto.randomUUID() : Date.now() + "-" + Math.random();
    var sn = 0, asked = Date.now(), startup, state = "starting", stalled, gone = false, waiting = [];
    function send() {
      if (waiting.length && navigator.sendBeacon(url, JSON.stringify(waiting))) waiting = [];
      waiting = waiting.slice(-500);
    }
    function tell(kind, extra) {
      var said = { kind: kind, session: session, sn: sn++, at: Date.now() / 1000, interval_seconds: every, state: state };
      if (video.videoHeight) said.height = video.videoHeight;
      said.background = document.visibilityState === "hidden";
      waiting.push(Object.assign(said, more, extra));
      if (kind !== "heartbeat" || waiting.length > 1) send();
    }
    function to(next) {
      var since = stalled, before = state, now = Date.now();
      if (next === before || (next === "stalled" && before !== "playing")) return;
      state = next; stalled = next === "stalled" ? now : undefined;
      if (next === "playing" && startup === undefined) tell("heartbeat", { startup_seconds: (startup = (now - asked) / 1000) });
      else if (since) tell("stall", { at: since / 1000, stall_seconds: (now - since) / 1000 });
      else tell(next === "stalled" ? "heartbeat" : "heartbeat");
      send();
    }
    var map = { playing: "playing", waiting: "stalled", seeking: "seeking", pause: "paused", ended: "ended", error: "failed" };
    Object.keys(map).forEach(function (name) { video.addEventListener(name, function () { to(map[name]); }); });
    addEventListener("pagehide", function () { if (!gone) { gone = true; tell("leave", { cause: "quit" }); send(); } });
    addEventListener("pageshow", function (e) { if (e.persisted) { gone = false; tell("join"); } });
    document.addEventListener("visibilitychange", function () { tell("heartbeat"); send(); });
    setInterval(function () { if (!gone) { tell("heartbeat"); send(); } }, every * 1000);
    tell("join");
    return tell;
  };
  function begin() { var it = document.querySelector("video"); if (it) qoeBeacon(it, { stream: script.dataset.stream, user: script.dataset.user, arm: script.dataset.arm, experiment: script.dataset.experiment }); }
  if (script.dataset.stream) document.readyState === "loading" ? addEventListener("DOMContentLoaded", begin) : begin();
})(document.currentScript);
