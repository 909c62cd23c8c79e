// Counts memtrace's accesses by page: node count_pages.js URL [TOKEN]. See docs/other-languages.md.
"use strict";
const { readFileSync } = require("fs");
const { Dealer } = require("zeromq");
const { encode, decode } = require("@msgpack/msgpack");

const VERSION = 1;

async function main(url, file) {
  const token = file && { plainUsername: "mttcg", plainPassword: readFileSync(file, "utf8").trim() };
  const queues = { linger: 1000, sendHighWaterMark: 0, receiveHighWaterMark: 0 };
  const socket = new Dealer({ ...queues, ...token });
  socket.connect(url);
  const send = (type, fields) => socket.send(["", encode({ v: VERSION, type, ...fields }), ""]);
  await send("hello", { name: "javascript", prefixes: ["memtrace.access/"], credit: 16 << 20 });

  const pages = new Map(), expected = {};
  let layout, accesses = 0, missing = 0;
  for await (const [, header, payload] of socket) {
    const message = decode(header);
    if (message.v !== VERSION) throw new Error(`version ${message.v}; expected ${VERSION}`);
    if (message.type === "refused" || message.type === "goodbye") throw new Error(message.reason);
    if (message.type === "welcome") {
      layout = decode(payload, { useBigInt64: true }).streams[0];
    } else if (message.type === "batch") {
      const size = Number(layout.itemsize);
      const at = Number(layout.fields.find(([name]) => name === "address")[2]);
      for (let record = 0; record < message.count; record++) {
        const page = payload.readBigUInt64LE(record * size + at) >> 12n;
        pages.set(page, (pages.get(page) ?? 0) + 1);
      }
      missing += message.first - (expected[message.cpu] ?? 0);
      accesses += message.count;
      const next = (expected[message.cpu] = message.first + message.count);
      await send("acknowledge", { stream: message.stream, cpu: message.cpu, next });
    } else if (message.type === "end") {
      missing += message.records - (expected[message.cpu] ?? 0) + message.dropped;
    } else if (message.type === "finish") {
      await send("goodbye", { reason: "finished" });
      break;
    } // beats, and types of later versions, are ignored
  }
  socket.close();
  console.log(JSON.stringify({ accesses, missing, pages: pages.size }));
}

main(...process.argv.slice(2)).catch((error) => { console.error(error.message); process.exit(1); });
