"use strict";
const rows = new Map();
for (const row of document.querySelectorAll("tr[data-row]")) rows.set(row.dataset.row, row);

// Cells of a line of CSV: a quoted one may hold commas, and two quotes stand for one.
function cells(line) {
  const found = [];
  for (let at = 0; at < line.length;) {
    let cell = "";
    if (line[at] === "\"") {
      for (at++; at < line.length; at++) {
        if (line[at] !== "\"") { cell += line[at]; continue; }
        if (line[at + 1] !== "\"") { at++; break; }
        cell += "\""; at++;
      }
    } else {
      while (at < line.length && line[at] !== ",") cell += line[at++];
    }
    found.push(cell);
    at++;
  }
  return found;
}

let columns = [];
function update(line) {
  const values = cells(line);
  const row = rows.get(values[0] + "," + values[1]);
  if (!row) return;
  columns.forEach((name, index) => {
    for (const cell of row.querySelectorAll(`[data-f="${name}"]`)) {
      const value = values[index] || "";
      if (cell.textContent === value) continue;
      cell.textContent = value;
      const box = cell.closest("td");
      box.classList.add("changed");
      setTimeout(() => box.classList.remove("changed"), 900);
      if (name === "status") row.dataset.state = value.split(" ")[0].toLowerCase();
    }
  });
}

const live = document.getElementById("live");
if (document.body.dataset.live === "on") {
  const source = new EventSource(document.body.dataset.uri + ";events" + location.search);
  source.addEventListener("columns", event => { columns = event.data.replace(/^# /, "").split(","); });
  source.addEventListener("rows", event => {
    // Rows that only grew older are not sent.
    for (const cell of document.querySelectorAll("[data-f=lastchg]")) {
      if (cell.textContent) cell.textContent = Number(cell.textContent) + 1;
    }
    if (event.data) event.data.split("\n").forEach(update);
    live.textContent = "Live";
    show();
  });
  source.addEventListener("reload", () => { live.textContent = "Servers came or went: load the page anew"; });
  source.onerror = () => { live.textContent = "Connection lost, trying again"; };
}

const filter = document.getElementById("filter");
const trouble = document.getElementById("trouble");
function show() {
  const wanted = filter.value.toLowerCase();
  for (const [name, row] of rows) {
    const text = (name + " " + row.dataset.state).toLowerCase();
    const fine = ["up", "open", "no"].includes(row.dataset.state);
    row.hidden = !text.includes(wanted) || (trouble.checked && fine);
  }
  for (const section of document.querySelectorAll("section")) {
    section.hidden = !section.querySelector("tr[data-row]:not([hidden])");
  }
}
filter.addEventListener("input", show);
trouble.addEventListener("change", show);

// Nobody takes a server out by a slip of the hand.
const dialog = document.getElementById("confirm");
function confirmed(form, action, servers) {
  const proxy = form.closest("section").dataset.proxy;
  document.getElementById("confirm-text").textContent =
    `${action} of ${servers.length} server(s) in ${proxy}: ${servers.join(", ")}?`;
  dialog.returnValue = "";
  dialog.showModal();
  dialog.onclose = () => { if (dialog.returnValue === "yes") form.submit(); };
}
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", event => {
    event.preventDefault();
    const servers = [...form.querySelectorAll("input[name=s]:checked")].map(box => box.value);
    const choice = form.elements.action;
    if (choice.value && servers.length) confirmed(form, choice.selectedOptions[0].textContent, servers);
  });
  for (const button of form.querySelectorAll("button.quick")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const own = button.closest("tr").querySelector("input[name=s]");
      for (const box of form.querySelectorAll("input[name=s]")) box.checked = box === own;
      form.elements.action.value = button.dataset.action;
      confirmed(form, button.textContent, [own.value]);
    });
  }
}
