// The marks in JavaScript: the same bits and samples as qoe_agent/maths/stamp.py and tone.py make.

export const COLUMNS = 12, ROWS = 7;
const WHITE = ["0,0", "0,6", "3,3", "3,11", "6,5"];
const BLACK = ["0,11", "3,0", "3,8", "6,0", "6,11"];

function crc16(bytes) {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff;
  }
  return crc;
}

// The 74 bits as one number: Unix milliseconds, the counter in Gray code, a checksum.
export function code(ms, counter) {
  const count = counter & 0xffff, value = (BigInt(ms) << 16n) | BigInt(count ^ (count >> 1));
  const bytes = [];
  for (let shift = 56n; shift >= 0n; shift -= 8n) bytes.push(Number((value >> shift) & 0xffn));
  return (value << 16n) | BigInt(crc16(bytes));
}

// The cells, 7 rows of 12; true is white.
export function bits(ms, counter) {
  const number = code(ms, counter), cells = [];
  let left = 74n;
  for (let row = 0; row < ROWS; row++) {
    cells.push([]);
    for (let column = 0; column < COLUMNS; column++) {
      const at = `${row},${column}`;
      if (WHITE.includes(at) || BLACK.includes(at)) cells[row].push(WHITE.includes(at));
      else cells[row].push(((number >> --left) & 1n) === 1n);
    }
  }
  return cells;
}

export const SLOT = 0.1, LENGTH = 0.08, LOW = 600, HIGH = 5000, FADE = 0.005, SLOTS = 1023;
const TIMES = [[0, 0, 0, 0], [0, 1, 2, 3], [0, 2, 3, 1], [0, 3, 1, 2]], TAPS = [1, 2, 3, 0, 3];

// Which chirp each slot of a tenth of a second holds.
export const SEQUENCE = (() => {
  const register = [0, 0, 0, 0, 1];
  while (register.length < SLOTS) {
    const n = register.length;
    register.push(TAPS.reduce((sum, tap, back) => sum ^ TIMES[tap][register[n - 1 - back]], 0));
  }
  return register;
})();

// A chirp of peak 1 at `rate` samples a second.
export function chirp(shape, rate) {
  const samples = new Float32Array(Math.ceil(LENGTH * rate));
  for (let n = 0; n < samples.length; n++) {
    const at = n / rate, u = at / LENGTH;
    const peak = u <= 0.5 ? u * u : 2 * u - u * u - 0.5;
    const swept = [u * u / 2, u - u * u / 2, peak, u - peak][shape];
    const fade = Math.min(1, Math.max(0, Math.min(at, LENGTH - at) / FADE));
    const phase = 2 * Math.PI * LENGTH * (LOW * u + (HIGH - LOW) * swept);
    samples[n] = Math.sin(phase) * (0.5 - 0.5 * Math.cos(Math.PI * fade));
  }
  return samples;
}
