// Keeps a page up to date: takes the fragments that the event stream brings, and says so when none come any more.
"use strict";
(() => {
  const QUIET = 9000; // milliseconds without an event after which the page is old; the server sends one every 2 s
  const PATIENT = 3000; // milliseconds that a broken stream has to come back
  const AGAIN = 5000; // milliseconds until a stream that was refused is asked for again
  const trusted = window.trustedTypes
    ? trustedTypes.createPolicy("qoe-agent", { createHTML: (text) => text })
    : { createHTML: (text) => text };
  const url = new URL(document.body.dataset.live, location.href);
  const stale = document.getElementById("stale");
  const said = document.getElementById("said");
  const tiles = document.getElementById("tiles");
  let source = null;
  let latest = performance.now();

  function parsed(text) {
    const template = document.createElement("template");
    template.innerHTML = trusted.createHTML(text);
    return template.content.firstElementChild;
  }

  // Makes `old` like `fresh`, keeping what is the same: focus, scroll positions and pictures stay.
  function become(old, fresh) {
    if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) {
      old.replaceWith(fresh);
      return;
    }
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== fresh.data) old.data = fresh.data;
      return;
    }
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    const named = new Set([...fresh.children].map((child) => child.id).filter(Boolean));
    let at = old.firstChild;
    for (const child of [...fresh.childNodes]) {
      while (at && at.id && !named.has(at.id)) at = dropped(at);
      const known = child.id ? [...old.children].find((each) => each.id === child.id) : at && !at.id ? at : null;
      if (!known) {
        old.insertBefore(child, at);
        continue;
      }
      if (known === at) at = at.nextSibling;
      else old.insertBefore(known, at);
      become(known, child);
    }
    while (at) at = dropped(at);
  }

  function dropped(node) {
    const next = node.nextSibling;
    node.remove();
    return next;
  }

  function take(event) {
    latest = performance.now();
    show(false);
    const told = JSON.parse(event.data);
    const adds = new Set(told.add);
    for (const [id, text] of told.set) {
      const there = document.getElementById(id);
      if (there) become(there, parsed(text));
      else if (tiles && adds.has(id)) tiles.append(parsed(text));
    }
    const here = new Set(told.set.map(([id]) => id));
    for (const id of told.gone) document.getElementById(id)?.remove();
    if (told.all && tiles) for (const tile of [...tiles.children]) if (!here.has(tile.id)) tile.remove();
    if (tiles?.firstElementChild) document.getElementById("none").textContent = "";
    if (told.said) said.textContent = told.said;
    if (event.lastEventId) url.searchParams.set("since", event.lastEventId);
  }

  function show(old) {
    if (stale.hidden === !old) return;
    stale.hidden = !old;
    document.documentElement.classList.toggle("stale", old);
  }

  function open() {
    source?.close();
    source = null;
    if (document.hidden) return; // browsers allow six streams to a server: only pages that are seen have one
    source = new EventSource(url);
    source.onmessage = take;
    source.onerror = () => {
      latest = Math.min(latest, performance.now() - QUIET + PATIENT);
      if (source?.readyState === EventSource.CLOSED) setTimeout(open, AGAIN);
    };
  }

  document.addEventListener("visibilitychange", open);
  window.addEventListener("pageshow", (event) => event.persisted && open());
  setInterval(() => show(performance.now() - latest > QUIET), 1000);
  open();
})();
