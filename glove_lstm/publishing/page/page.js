/** The page: it loads a checkpoint, and shows the label of a text, its scores and the words that matter. */

import { Classifier, RemoteClassifier } from "./classifier.js";

const EXAMPLES = {
  "Agency style": [
    "Harbour council approves new ferry timetable",
    "The harbour council voted 7 to 2 on Tuesday to add an early ferry from the northern islands, its clerk said in a statement.",
  ],
  "Loud style": [
    "You WON'T BELIEVE what the ferry company is HIDING!!!",
    "They told you the new timetable was for YOUR benefit. Wake up! Share this before they delete it!!!",
  ],
  "Loud title, dull event": ["SHOCK at the pier: early ferry delayed by one hour!", ""],
};
const COLOUR_FOR = "0 114 178";
const COLOUR_AGAINST = "213 94 0";
const FAINTEST = 0.1; // words below this share of the largest effect are not marked
const DEEPEST = 0.6; // opacity behind the strongest word
const MOST_SCORES = 5; // of many labels
// Words of a longer text are marked only at a click: marking takes a classification of the text for each word.
const MOST_WHILE_TYPING = 1000;
const PAUSE = 300; // milliseconds without a new letter, after which words are marked
const OUTDATED = new Error("a newer text has come"); // ends an explanation

export let classifier; // for the console, and for tests

const form = document.querySelector("form");
const classifyButton = form.querySelector("button[type=submit]");
const progress = document.querySelector("progress");
const status = document.querySelector("#status");
const verdict = document.querySelector("#verdict");
const table = document.querySelector("table");
const words = document.querySelector("#words");
let newest = 0; // the number of the last request
let running = Promise.resolve(); // one text at a time: the model cannot run twice at once

try {
  const about = await readAbout();
  const base = new URL(about.base.replace(/\/*$/, "/"), location.href);
  showModel(about, base);
  classifier = await (about.server ? RemoteClassifier : Classifier).load(base, showDownload, about.runtime);
  document.querySelector("#with-title").hidden = !classifier.hasTitle;
  if (classifier.isAboutNews) {
    document.querySelector("#meaning").hidden = false;
    addExamples();
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    request({ isTyping: false });
  });
  form.addEventListener("input", () => request({ isTyping: true }));
  classifyButton.disabled = false;
  status.textContent = "";
} catch (error) {
  report(error);
} finally {
  progress.hidden = true;
}

/**
 * Return what the page shows: `base`, the address of a checkpoint's files, and its `title`; perhaps `card`, the address of
 * its card, `runtime`, that of ONNX Runtime, and `server`, whether `glove-lstm demo` classifies. All are in model.json
 * beside the page, unless ?model= names other files.
 */
async function readAbout() {
  const base = new URLSearchParams(location.search).get("model");
  if (base === null) return (await fetch("model.json")).json();
  const parts = base.replace(/\/(?:resolve|raw)\/[^/]+\/*$/, "").split("/").filter(Boolean);
  const isOnHub = base.startsWith("https://huggingface.co/");
  return { base, title: parts.slice(isOnHub ? -2 : -1).join("/") };
}

/** Show the title, and link to the card; without one, to the Hub page of the files, or to the files themselves. */
function showModel({ title, card }, base) {
  const link = document.querySelector("#model");
  link.href = card ?? base.href.replace(/\/(?:resolve|raw)\/([^/]+)\/$/, "/tree/$1");
  link.textContent = link.href;
  document.querySelector("h1").textContent = document.title = `Classify a text with ${title}`;
}

function showDownload(arrived, total) {
  const megabytes = `${(total / 1e6).toFixed(1)} MB`;
  status.textContent = `Loading the model and ONNX Runtime, ${megabytes} ...`;
  document.querySelector("#download").hidden = progress.hidden = false;
  document.querySelector("#size").textContent = megabytes;
  progress.value = total ? arrived / total : 0;
}

function addExamples() {
  const examples = document.querySelector("#examples");
  for (const [name, [title, text]] of Object.entries(EXAMPLES)) {
    const example = document.createElement("button");
    example.type = "button";
    example.textContent = name;
    example.addEventListener("click", () => {
      form.elements.title.value = classifier.hasTitle ? title : "";
      form.elements.text.value = classifier.hasTitle ? text : `${title} ${text}`.trim();
      form.requestSubmit();
    });
    examples.append(example);
  }
  examples.hidden = false;
}

/** Classify the text when the model is free, and mark its words, while typing after a pause; a newer request ends it. */
function request({ isTyping }) {
  const own = ++newest;
  const isOutdated = () => own !== newest;
  const whenFree = (step) => {
    running = running.then(async () => {
      await new Promise((resolve) => setTimeout(resolve)); // lets the browser draw, and take more letters
      if (!isOutdated()) await step().catch((error) => error === OUTDATED || report(error));
    });
  };
  whenFree(async () => {
    const parts = [form.elements.title.value, form.elements.text.value];
    const text = parts.filter((part) => part.trim()).join(" ").toWellFormed();
    if (!text) {
      verdict.hidden = table.hidden = words.hidden = true;
      status.textContent = "There is nothing to classify. Type or paste a title or a text.";
      return;
    }
    const best = await showScores(text);
    const explain = () => showWords(text, best, isOutdated);
    if (!isTyping) {
      await explain();
    } else if (text.length <= MOST_WHILE_TYPING) {
      status.textContent = "";
      setTimeout(() => whenFree(explain), PAUSE);
    } else {
      words.hidden = true;
      status.textContent = "Classify marks the words of a text as long as this one.";
    }
  });
}

/** Show the label of a text and its scores, and return the number of the best label. */
async function showScores(text) {
  const scores = await classifier.scores(text);
  const order = [...scores.keys()].sort((a, b) => scores[b] - scores[a]);
  verdict.textContent = verdictOf(scores, order[0]);
  table.tBodies[0].replaceChildren(...order.slice(0, MOST_SCORES).map((index) => row(classifier.labels[index], scores[index])));
  verdict.hidden = table.hidden = false;
  return order[0];
}

async function showWords(text, label, isOutdated) {
  const effects = await classifier.effects(text, label, (share) => {
    if (isOutdated()) throw OUTDATED;
    if (text.length > MOST_WHILE_TYPING) {
      status.textContent = `Explaining ${classifier.labels[label]}, ${Math.round(100 * share)} % ...`;
    }
  });
  words.replaceChildren(...marked(text, effects));
  words.hidden = false;
  status.textContent = "";
}

/** Return the label, or "unsure" with the best label, or all labels whose scores reach their thresholds. */
function verdictOf(scores, best) {
  if (classifier.isForSeveral) {
    const reached = classifier.labels.filter((_, index) => scores[index] >= classifier.thresholds[index]);
    return reached.join(", ") || "no label";
  }
  const label = classifier.labels[best];
  return scores[best] < classifier.unsureBelow ? `unsure, nearest to ${label}` : label;
}

function row(label, score) {
  const made = document.querySelector("template").content.cloneNode(true);
  made.querySelector("th").textContent = label;
  made.querySelector("td:last-child").textContent = `${Math.floor(100 * score)}%`; // rounded down: a wrong label must not have 100 %
  made.querySelector("td:last-child").dataset.score = score;
  made.querySelector(".bar").style.width = `${100 * score}%`;
  return made;
}

/** Return the text, with a colour behind each word that has an effect. */
function marked(text, effects) {
  const largest = Math.max(...effects.map(({ effect }) => Math.abs(effect))) || 1;
  const nodes = [];
  let endOfLast = 0;
  for (const { begin, end, effect } of effects) {
    const share = effect / largest;
    if (Math.abs(share) < FAINTEST) continue;
    const mark = document.createElement("mark");
    mark.textContent = text.slice(begin, end);
    mark.title = `${effect > 0 ? "+" : ""}${effect.toFixed(2)}`;
    mark.className = share > 0 ? "for" : "against";
    const colour = share > 0 ? COLOUR_FOR : COLOUR_AGAINST;
    mark.style.background = `rgb(${colour} / ${DEEPEST * Math.abs(share)})`;
    nodes.push(text.slice(endOfLast, begin), mark);
    endOfLast = end;
  }
  nodes.push(text.slice(endOfLast));
  return nodes;
}

function report(error) {
  status.textContent = `Error: ${error.message}`;
}
