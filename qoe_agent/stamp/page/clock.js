// Shows the stamp full-screen and plays its tone, both from this browser's clock, held to the agent's.

import { bits, chirp, COLUMNS, HIGH, ROWS, SEQUENCE, SLOT, SLOTS } from "./marks.js";

const EXCHANGES = 8; // kept, of which the one with the least delay counts (RFC 5905, clock filter)
const EVERY = 2000; // milliseconds between exchanges
const AHEAD = 0.5; // seconds of sound that are scheduled
const HOLD = 2; // screen refreshes that a mark stays: a camera's exposure may last as long as one

const canvas = document.getElementById("stamp"), words = document.getElementById("words");
const corner = document.body.dataset.corner, cell = Number(document.body.dataset.cell);
const level = 10 ** (Number(document.body.dataset.level) / 20);
const exchanges = [];
let offset = null, doubt = null; // Unix milliseconds minus performance.now(), and by how much it may be wrong

async function exchange() {
  const sent = performance.now();
  const answer = await fetch("time", { cache: "no-store", signal: AbortSignal.timeout(EVERY) });
  const { received, answered } = await answer.json(), came = performance.now();
  exchanges.push({ offset: ((received - sent) + (answered - came)) / 2, delay: came - sent - (answered - received) });
  if (exchanges.length > EXCHANGES) exchanges.shift();
  const best = exchanges.reduce((a, b) => (b.delay < a.delay ? b : a));
  [offset, doubt] = [best.offset, best.delay / 2];
}

async function discipline() {
  try {
    await exchange();
  } catch {
    words.textContent = "the agent does not answer";
  }
  setTimeout(discipline, offset === null ? 200 : EVERY);
}

let counter = 0, refreshes = 0, before = null, refresh = 1000 / 60;

function place(width, height) {
  const fits = Math.min(width / (COLUMNS + 4), height / (ROWS + 4));
  const side = Math.max(2, Math.floor(cell > 0 ? Math.min(fits, (cell * Math.min(width, height)) / 1080) : fits));
  const across = width - (COLUMNS + 4) * side, down = height - (ROWS + 4) * side;
  const x = corner.includes("left") ? 0 : corner.includes("right") ? 1 : 0.5;
  const y = corner.includes("top") ? 0 : corner.includes("bottom") ? 1 : 0.5;
  return [Math.round(x * across) + 2 * side, Math.round(y * down) + 2 * side, side];
}

function draw(ms) {
  const [width, height] = [canvas.width, canvas.height] = [innerWidth * devicePixelRatio, innerHeight * devicePixelRatio].map(Math.floor);
  const paint = canvas.getContext("2d"), [left, top, side] = place(width, height);
  const box = (x, y, w, h, white) => {
    paint.fillStyle = white ? "#fff" : "#000";
    paint.fillRect(left + x * side, top + y * side, w * side, h * side);
  };
  paint.fillStyle = "#444";
  paint.fillRect(0, 0, width, height);
  box(-1, -1, COLUMNS + 2, ROWS + 2, true);
  box(-0.5, -0.5, COLUMNS + 1, ROWS + 1, false);
  bits(ms, counter).forEach((row, y) => row.forEach((white, x) => white && box(x, y, 1, 1, true)));
}

function frame(now) {
  if (before !== null && now > before) refresh += 0.05 * (Math.min(now - before, 50) - refresh);
  before = now;
  if (offset !== null && refreshes++ % HOLD === 0) {
    // What is drawn now is seen from the next refresh on, for HOLD of them: the mark names the middle of that.
    const ms = Math.round(now + offset + refresh * (1 + HOLD / 2));
    draw(ms);
    counter += 1;
    words.textContent = `${new Date(ms).toISOString()} ± ${doubt.toFixed(1)} ms, a mark every ${(refresh * HOLD).toFixed(1)} ms` +
      (sound ? "" : " — click for full screen and sound");
  }
  requestAnimationFrame(frame);
}

let sound = null, chirps = null, next = null;

function schedule() {
  const { contextTime, performanceTime } = sound.getOutputTimestamp();
  if (offset !== null && performanceTime > 0) {
    const unix = (at) => (performanceTime + offset) / 1000 + (at - contextTime);
    const now = sound.currentTime;
    next = Math.max(next ?? 0, Math.ceil(unix(now + 0.05) / SLOT));
    for (; next * SLOT < unix(now + AHEAD); next++) {
      const source = new AudioBufferSourceNode(sound, { buffer: chirps[SEQUENCE[next % SLOTS]] });
      source.connect(sound.destination);
      source.start(contextTime + next * SLOT - (performanceTime + offset) / 1000);
    }
  }
  setTimeout(schedule, 100);
}

async function listen() {
  if (sound) return;
  sound = new AudioContext({ latencyHint: "interactive" });
  if (sound.sampleRate < 2 * HIGH) words.textContent = "this sound card is too slow";
  chirps = [0, 1, 2, 3].map((shape) => {
    const samples = chirp(shape, sound.sampleRate).map((sample) => sample * level);
    const buffer = new AudioBuffer({ length: samples.length, sampleRate: sound.sampleRate });
    buffer.copyToChannel(samples, 0);
    return buffer;
  });
  await sound.resume();
  schedule();
}

document.body.addEventListener("click", () => {
  listen();
  document.documentElement.requestFullscreen?.().catch(() => {});
});
discipline();
requestAnimationFrame(frame);
