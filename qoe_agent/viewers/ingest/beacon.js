/* Tells the agent what a <video> shows, and that its viewer left, which players do not: configs/viewers/beacon.md. */
((script) => {
  const url = script.src.replace(/beacon\.js.*$/, "events"), every = 5, now = () => Date.now() / 1000, given = {};
  const states = { waiting: "stalled", pause: "paused", error: "failed", playing: "", seeking: "", ended: "" };
  for (const key of "stream user arm experiment region cdn device".split(" ")) given[key] = script.dataset[key];
  window.qoeBeacon = (video, about) => {
    const session = window.crypto && crypto.randomUUID ? crypto.randomUUID() : `${now()}-${Math.random()}`;
    const asked = now(); let sn = 0, since = asked, gone = false, waiting = [];
    let started = !video.paused && video.readyState > 2, state = started ? "playing" : "starting";
    const tell = (kind, more) => {
      waiting.push({ kind, session, sn: sn++, at: now(), state, interval_seconds: every, background: document.hidden,
        height: video.videoHeight || undefined, ...about, ...more });
      waiting = navigator.sendBeacon(url, JSON.stringify(waiting)) ? [] : waiting.slice(-99); // else with the next
    };
    for (const event in states) video.addEventListener(event, () => {
      const was = state, began = since, next = states[event] || event, more = { at: now() };
      if (next === was || (next === "stalled" && was !== "playing")) return;
      state = next; since = more.at;
      if (next === "playing" && !started) { started = true; more.startup_seconds = since - asked; }
      if (was === "stalled") tell("stall", { at: began, stall_seconds: since - began, state: was });
      tell("heartbeat", more);
    });
    document.addEventListener("visibilitychange", () => gone || tell("heartbeat"));
    addEventListener("pagehide", () => { if (!gone) tell("leave", { cause: "quit" }); gone = true; });
    setInterval(() => { gone = false; tell("heartbeat"); }, every * 1000); // after a leave: the page is back
    tell("join"); return tell;
  };
  const begin = () => { const video = document.querySelector("video"); if (video) window.qoeBeacon(video, given); };
  if (given.stream) document.readyState === "loading" ? addEventListener("DOMContentLoaded", begin) : begin();
})(document.currentScript);
