/** The page: it loads the checkpoint that its address names and shows the scores of a text. */

import { Classifier } from "./classifier.js";

const DEFAULT_MODEL = "../../hub/";

export let classifier; // for the console, and for tests

const form = document.querySelector("form");
const button = form.querySelector("button");
const status = document.querySelector("#status");
const table = document.querySelector("table");

try {
  const model = new URLSearchParams(location.search).get("model") ?? DEFAULT_MODEL;
  const base = new URL(model.replace(/\/*$/, "/"), location.href);
  document.querySelector("#model").textContent = base;
  status.textContent = "Loading the model ...";
  classifier = await Classifier.load(base);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    classify(form.elements.text.value).catch(report);
  });
  button.disabled = false;
  status.textContent = "Ready.";
} catch (error) {
  report(error);
}

async function classify(text) {
  button.disabled = true;
  try {
    const scores = await classifier.scores(text);
    table.tBodies[0].replaceChildren(...scores.map((score, index) => row(classifier.labels[index], score)));
    table.hidden = false;
    status.textContent = `${classifier.labels[scores.indexOf(Math.max(...scores))]} has the highest score.`;
  } finally {
    button.disabled = false;
  }
}

function row(label, score) {
  const made = document.querySelector("template").content.cloneNode(true);
  made.querySelector("th").textContent = label;
  made.querySelector("meter").value = score;
  made.querySelector("td:last-child").textContent = score.toFixed(3);
  return made;
}

function report(error) {
  status.textContent = `Error: ${error.message}`;
}
