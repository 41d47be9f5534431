"use strict";
const get = id => document.getElementById(id);
const filter = get("filter"), state = get("state"), live = get("live"), dialog = get("confirm");
const rows = new Map();

// The main part may be replaced as a whole: what it holds is found anew, and events are taken at the document.
function adopt() {
  rows.clear();
  for (const row of document.querySelectorAll("tr[data-row]")) rows.set(row.dataset.row, row);
  for (const button of document.querySelectorAll("button.quick")) button.hidden = false;
  show();
}

function shortTime(s) {
  const at = (big, small) => [Math.floor(s / big), Math.floor(s % big / small)];
  if (s < 60) return s + "s";
  if (s < 3600) return at(60, 1)[0] + "m" + at(60, 1)[1] + "s";
  if (s < 86400) return at(3600, 60)[0] + "h" + at(3600, 60)[1] + "m";
  return at(86400, 3600)[0] + "d" + at(86400, 3600)[1] + "h";
}

function put(cell, text, marked) {
  if (!cell || cell.textContent === text) return;
  cell.textContent = text;
  if (!marked) return;
  const box = cell.closest("td");
  box.classList.add("changed");
  setTimeout(() => box.classList.remove("changed"), 900);
}

// A row as the events have it: proxy, name, colour, state, reason, seconds in it, and the cells.
function update(line) {
  const [proxy, name, colour, status, why, since, ...cells] = line.split("\t");
  const row = rows.get(proxy + "," + name);
  if (!row) return;
  row.dataset.state = colour;
  put(row.querySelector(".badge"), status, true);
  put(row.querySelector(".why"), why);
  const time = row.querySelector("time");
  if (time && since) time.dataset.seconds = since;
  row.querySelectorAll("[data-cell]").forEach((cell, index) => put(cell, cells[index] ?? "", true));
}

function tick() {
  for (const time of document.querySelectorAll("time[data-seconds]")) {
    put(time, shortTime(Number(time.dataset.seconds)));
    time.dataset.seconds = Number(time.dataset.seconds) + 1;
  }
}

function tell(word, colour) {
  if (live.textContent !== word) live.textContent = word;
  live.dataset.state = colour;
}

if (document.body.dataset.events) {
  const source = new EventSource(document.body.dataset.events);
  source.addEventListener("facts", event => {
    const facts = document.querySelectorAll(".facts div");
    event.data.split("\n").forEach((line, index) => {
      const [colour, text] = line.split("\t");
      if (!facts[index]) return;
      facts[index].dataset.state = colour;
      put(facts[index].querySelector("dd"), text);
    });
  });
  source.addEventListener("rows", event => {
    if (event.data) event.data.split("\n").forEach(update);
    tick();
    tell("Live", "up");
    show();
  });
  // Servers came or went: the tables are fetched again, and nothing else.
  source.addEventListener("reload", async () => {
    try {
      const text = await (await fetch(location.href)).text();
      document.querySelector("main").replaceWith(new DOMParser().parseFromString(text, "text/html").querySelector("main"));
      adopt();
    } catch { tell("Servers came or went: load the page anew", "down"); }
  });
  source.onerror = () => tell("Connection lost, trying again", "down");
}

const KEPT = "lbd status page";
function show() {
  const wanted = filter.value.trim().toLowerCase();
  const fits = {
    "": () => true, out: c => !["up", "plain", "waning"].includes(c), up: c => ["up", "plain", "waning"].includes(c),
    drain: c => c === "drain", down: c => ["down", "rising"].includes(c), maint: c => c === "maint",
  }[state.value];
  let seen = 0;
  for (const [name, row] of rows) {
    const text = name + " " + row.querySelector(".state").textContent;
    row.hidden = !text.toLowerCase().includes(wanted) || !fits(row.dataset.state);
    seen += !row.hidden;
  }
  for (const section of document.querySelectorAll("section")) {
    section.hidden = !section.querySelector("tr[data-row]:not([hidden])");
  }
  const count = seen === rows.size ? `${seen} rows` : `${seen} of ${rows.size} rows`;
  if (get("count").textContent !== count) get("count").textContent = count;
  try { sessionStorage.setItem(KEPT, JSON.stringify([filter.value, state.value])); } catch { /* not allowed to keep */ }
}
filter.addEventListener("input", show);
state.addEventListener("change", show);
try { [filter.value, state.value] = JSON.parse(sessionStorage.getItem(KEPT)) ?? ["", ""]; } catch { /* nothing kept */ }
adopt();

// Nobody takes a server out by a slip of the hand.
const EFFECTS = {
  ready: "New sessions are taken again.", drain: "Open sessions go on to their end; no new ones are taken.",
  maint: "No traffic and no checks, until it is made ready.", shutdown: "All sessions are cut now.",
};
function ask(form, choice, action, servers) {
  const proxy = form.closest("section").dataset.proxy;
  get("confirm-title").textContent = `${choice} ${servers.length === 1 ? servers[0] : servers.length + " servers"} of ${proxy}?`;
  get("confirm-text").textContent = [EFFECTS[action], servers.length > 1 ? servers.join(", ") : ""].join(" ").trim();
  dialog.returnValue = "";
  dialog.onclose = () => { if (dialog.returnValue === "yes") send(form, action, servers); };
  dialog.showModal();
}

async function send(form, action, servers) {
  const fields = new URLSearchParams([["b", form.elements.b.value], ["action", action], ...servers.map(s => ["s", s])]);
  let word = "ERRP";
  try {
    // The address of the page that answers tells the outcome; the page itself is here already.
    const stop = new AbortController();
    const answer = await fetch(form.getAttribute("action"), { method: "POST", body: fields, signal: stop.signal });
    word = /;st=([A-Z]+)/.exec(answer.url)?.[1] ?? (answer.ok ? "DONE" : "DENY");
    stop.abort();
  } catch { word = "LOST"; }
  const told = {
    DONE: "Done", PART: "Done in part: some of the servers are not there any more", NONE: "Nothing was changed",
    DENY: "Nothing was changed: you are not allowed to", ERRP: "Nothing was changed: no such backend, server or action",
    EXCD: "Nothing was changed: too many servers at once", LOST: "The load balancer could not be reached",
  }[word] ?? word;
  get("outcome").textContent = `${told}: ${action} ${servers.join(", ")}.`;
  if (!document.body.dataset.events && word === "DONE") location.reload();
  form.reset();
}

document.addEventListener("submit", event => {
  const form = event.target;
  if (form.method !== "post") return;
  event.preventDefault();
  const servers = [...form.querySelectorAll("input[name=s]:checked")].map(box => box.value);
  const choice = form.elements.action;
  if (!choice.value || !servers.length) {
    get("outcome").textContent = "Choose servers and an action first.";
    return;
  }
  ask(form, choice.selectedOptions[0].textContent.split(":")[0] + ":", choice.value, servers);
});
document.addEventListener("click", event => {
  const button = event.target.closest("button.quick");
  if (!button) return;
  const server = button.closest("tr").dataset.row.split(",").slice(1).join(",");
  ask(button.form, button.textContent, button.dataset.action, [server]);
});
