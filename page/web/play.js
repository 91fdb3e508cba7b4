// The controls of the section "Ask the network yourself". All that is computed and drawn comes from the program that
// the worker runs; here is only what the reader can do, and what is shown where.
"use strict";

(() => {
  const root = document.getElementById("play"), part = (name) => document.getElementById(`play-${name}`);
  const form = part("network"), fields = form.elements, one = part("one").elements, runs = root.querySelector("[data-do=run]");
  const STEPS = 15000, EVERY = 250, MOST_STEPS = 100000, SOON = 400, PATIENCE = 60000;

  // From a file, browsers refuse a worker by its address, but not one that is made here.
  const source = URL.createObjectURL(new Blob([part("worker").textContent], { type: "text/javascript" }));

  let module, worker, busy = false, timers = [], waiting, frame, answer, cells = [], edits, guessed = true, running = false, complaint = "";

  // --- The program -----------------------------------------------------------------------------------------------

  async function program() {
    const packed = Uint8Array.from(atob(part("program").textContent.trim()), (c) => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    return WebAssembly.compile(await new Response(stream).arrayBuffer());
  }

  function hire() {
    const hired = (worker = new Worker(source));
    worker.postMessage({ module });
    worker.onmessage = ({ data }) => {
      if (hired !== worker) return;
      if (data.answer) return receive(data.answer);
      if (data.broken) fault(`The program has stopped: ${data.broken}`);
      if (data.done) {
        busy = false;
        stop();
      }
    };
  }

  // A new question ends the work on the one before.
  function ask(question, training = "") {
    cancel();
    busy = true;
    worker.postMessage({ question: `${question}\n${training}` });
    expect();
  }

  function cancel() {
    timers.forEach(clearTimeout);
    cancelAnimationFrame(frame);
    frame = undefined;
    if (!busy) return;
    worker.terminate();
    hire();
    busy = false;
  }

  // What takes long is announced, and what takes too long is ended.
  function expect() {
    timers.forEach(clearTimeout);
    timers = [
      setTimeout(() => (part("said").textContent = "Computing …"), SOON),
      setTimeout(() => {
        stop();
        refuse("this takes too long for a page, ask for fewer steps or fewer units");
      }, PATIENCE),
    ];
  }

  // --- The question ----------------------------------------------------------------------------------------------

  const list = (text) => (text ?? "").split(/[\s,]+/).filter(Boolean);

  function question(steps) {
    const { hidden, ...given } = Object.fromEntries(new FormData(form));
    const parts = { sizes: [2, ...hidden.split(/[\s,-]+/).filter(Boolean), 1].join("-"), ...given, flip: list(given.flip), ...edits, steps };
    const said = Object.entries(parts).map(([name, value]) => [name, String(value).trim()]);
    return new URLSearchParams(said.filter(([, value]) => value !== "")).toString();
  }

  function show(question) {
    const parts = Object.fromEntries(new URLSearchParams(question));
    form.reset();
    edits = { w: list(parts.w), b: list(parts.b) };
    if (parts.sizes) fields.hidden.value = parts.sizes.split("-").slice(1, -1).join(", ");
    for (const [name, value] of Object.entries(parts)) if (fields[name]) fields[name].value = value;
    relevant();
  }

  // Scale and seed are there only for the starts that have them.
  function relevant() {
    for (const label of form.querySelectorAll("[data-for]")) {
      label.hidden = label.control.disabled = !label.dataset.for.split(" ").includes(fields.start.value);
    }
  }

  function change(steps = 0) {
    complaint = "";
    stop();
    relevant();
    guessed = !part("cover").checked;
    ask(question(steps));
  }

  // --- The answer ------------------------------------------------------------------------------------------------

  // While it trains, answers may come faster than they can be drawn: then only the last one is.
  function receive(bytes) {
    expect();
    waiting = bytes;
    if (running) frame ??= requestAnimationFrame(draw);
    else draw();
  }

  function fault(text) {
    part("fault").textContent = text;
    if (text) part("said").textContent = "";
  }

  function draw() {
    cancelAnimationFrame(frame);
    frame = undefined;
    const now = JSON.parse(new TextDecoder().decode(waiting));
    if (now.fault) refuse(now.fault);
    else display(now);
  }

  // Says what is wrong. If it is with the address, there is nothing to be seen yet: then show the notebook's network.
  function refuse(why) {
    fault(why);
    if (answer) return;
    complaint = `The address cannot be answered: ${why}. Here is the network of this notebook instead.`;
    ask("");
  }

  function display(now) {
    fault(complaint);
    const before = answer;
    answer = now;
    if (!before) show(now.question);
    for (const name of ["signal", "boundary", "costs", "norms"]) renew(part(name), now[name], before?.[name]);
    part("why").replaceChildren(...now.why.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
    part("table").innerHTML = now.table;
    mark();
    point();
    part("step").textContent = `step ${now.step}`;
    say();
    const guess = part("guess").querySelector("div");
    if (guess.children.length !== now.alive.length) {
      guess.innerHTML = now.alive.map((_, i) => `<label><input type="checkbox"> dW of layer ${i + 1}</label>`).join(" ");
    }
    requestAnimationFrame(() => setTimeout(settle));
  }

  // Nothing of the answer is shown before the reader has guessed, if that is what they want.
  function say() {
    part("said").textContent = guessed ? answer.said : "Changed. Which weight gradients will be alive, so not zero?";
    for (const shown of root.querySelectorAll(".answer")) shown.hidden = !guessed;
    part("guess").hidden = guessed;
  }

  // Browsers take longer to change an address than to show the pictures, and let it change only some times a second: so
  // it comes after the pictures are on the screen, and not while it trains.
  function settle() {
    if (answer && !running) history.replaceState(null, "", `#${answer.question}`);
  }

  // Shows a picture, an element in each line, in the place of the one before. A browser is quick to keep an element
  // and slow to make one, so the first and the last lines that are as before stay.
  function renew(place, now, before) {
    if (now === before) return;
    const lines = (svg) => svg.slice(0, svg.lastIndexOf("\n</svg>")).split(/\n(?=<[a-z])/);
    const is = lines(now), was = before ? lines(before) : [], most = Math.min(is.length, was.length);
    let first = 0, last = 0;
    while (first < most && is[first] === was[first]) first++;
    while (last < most - first && is.at(-1 - last) === was.at(-1 - last)) last++;
    if (first === 0) return (place.innerHTML = is.join(""));
    const svg = place.firstElementChild, old = [...svg.children].slice(first - 1, was.length - 1 - last);
    const made = is.slice(first, is.length - last).join("");
    if (first > 1) svg.children[first - 2].insertAdjacentHTML("afterend", made);
    else svg.insertAdjacentHTML("afterbegin", made);
    for (const element of old) element.remove();
  }

  // Marks what the last change has altered in the table of reasons.
  function mark() {
    const now = [...part("table").querySelectorAll("td")], before = cells;
    cells = now.map((cell) => cell.textContent);
    if (before.length !== cells.length) return;
    now.forEach((cell, i) => {
      if (cells[i] === before[i]) return;
      cell.classList.add("changed");
      cell.insertAdjacentHTML("beforeend", '<span class="unseen"> (changed)</span>');
    });
  }

  // Lays a line over each weight and a disc over each unit, which take the clicks.
  function point() {
    const hits = part("hits"), { parameters } = answer, layers = answer.alive.map((_, i) => i + 1);
    if (parameters.map(({ name }) => name).join() !== [...hits.children].map((hit) => hit.dataset.name).join()) {
      const make = (kind, attributes) => {
        const element = document.createElementNS("http://www.w3.org/2000/svg", kind);
        for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
        return element;
      };
      hits.setAttribute("viewBox", part("signal").firstElementChild.getAttribute("viewBox"));
      hits.replaceChildren(...parameters.map(({ name, from: [x1, y1], to: [x2, y2] }) => {
        const hit = name[0] === "b" ? make("circle", { cx: x2, cy: y2, r: 13 }) : make("line", { x1, y1, x2, y2 });
        hit.append(make("title", {}));
        hit.dataset.name = name;
        return hit;
      }));
      const names = [...parameters.map(({ name }) => name), ...["w", "b"].flatMap((kind) => layers.map((layer) => kind + layer))];
      one.place.replaceChildren(...names.map((name) => new Option(words(name), name)));
      value();
    }
    const set = new Set(["w", "b"].flatMap((kind) => edits[kind].map((edit) => kind + edit.split(":")[0])));
    parameters.forEach(({ name, value }, i) => {
      const hit = hits.children[i], text = `${words(name)} = ${value}`;
      hit.classList.toggle("set", set.has(name) || set.has(name.split(".")[0]));
      if (hit.firstChild.textContent !== text) hit.firstChild.textContent = text;
    });
  }

  function words(name) {
    const [layer, row, column] = name.slice(1).split(".");
    if (row === undefined) return `all ${name[0] === "w" ? "weights" : "biases"} of layer ${layer}`;
    return column === undefined ? `bias of unit ${row} of layer ${layer}` : `weight of layer ${layer}: to unit ${row} from unit ${column}`;
  }

  function value() {
    const chosen = answer.parameters.find(({ name }) => name === one.place.value);
    if (chosen) one.value.value = chosen.value;
  }

  // Gives a parameter, or all of a layer, a value at the start of the training, or takes that back.
  function put(name, value) {
    const kind = name[0], place = name.slice(1), of = (edit) => edit.split(":")[0];
    edits[kind] = edits[kind].filter((edit) => of(edit) !== place && !of(edit).startsWith(`${place}.`));
    if (value !== undefined) edits[kind].push(`${place}:${value}`);
    change();
  }

  // --- Training --------------------------------------------------------------------------------------------------

  function run() {
    running = true;
    runs.textContent = "Pause";
    runs.setAttribute("aria-pressed", "true");
    // Read aloud is what there is when it pauses, and not each step.
    part("said").setAttribute("aria-live", "off");
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const to = Math.min(answer.step + STEPS, MOST_STEPS);
    ask(question(answer.step), `to=${to}&every=${still ? STEPS : EVERY}`);
  }

  function stop() {
    if (frame) draw();
    cancel();
    if (!running) return;
    running = false;
    runs.textContent = "Run";
    runs.setAttribute("aria-pressed", "false");
    part("said").removeAttribute("aria-live");
    say();
    settle();
  }

  async function copy(text, said) {
    try {
      await navigator.clipboard.writeText(text);
      part("said").textContent = said;
    } catch {
      window.prompt("Copy this:", text);
    }
  }

  const ACTIONS = {
    step: () => change(answer.step + 1),
    hundred: () => change(answer.step + 100),
    back: () => change(),
    run: () => (running ? stop() : run()),
    unset() {
      edits = { w: [], b: [] };
      change();
    },
    link() {
      // Not the address of now: while it trains, that is still the one from before.
      copy(new URL(`#${answer.question}`, location).href, "The link is copied.");
    },
    cell: () => copy(answer.cell, "The cell is copied. It needs the first cell of a notebook above it."),
  };

  root.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-do]"), hit = target.closest("[data-name]");
    if (button && answer) ACTIONS[button.dataset.do]();
    if (!hit) return;
    const { name, value } = answer.parameters.find(({ name }) => name === hit.dataset.name);
    const set = edits[name[0]].some((edit) => edit.startsWith(`${name.slice(1)}:`));
    put(name, set ? undefined : value === 0 ? "0.1" : "0");
  });
  form.addEventListener("change", () => change());
  one.place.addEventListener("change", value);
  root.addEventListener("submit", (event) => {
    event.preventDefault();
    if (event.target === part("one")) put(one.place.value, one.value.value.trim());
    if (event.target === part("guess")) reveal();
  });

  function reveal() {
    const guess = [...part("guess").querySelectorAll("input")].map((box) => box.checked);
    part("guess").reset();
    const wrong = answer.alive.flatMap((alive, i) => (alive === guess[i] ? [] : [i + 1]));
    guessed = true;
    say();
    part("table").focus({ preventScroll: true });
    const result = wrong.length ? `You were wrong about layer ${wrong.join(", ")}, and right about the rest.` : "You were right about every layer.";
    part("said").textContent = `${result} At ${answer.said}`;
  }

  const asked = ({ hash } = location) => (hash.includes("=") ? hash.slice(1) : "");
  addEventListener("hashchange", ({ newURL }) => {
    // Not the address of now: since the link was followed, `settle` may have written over it.
    const wanted = asked(new URL(newURL));
    if (!wanted || (answer && wanted === answer.question)) return;
    stop();
    [answer, cells] = [undefined, []];
    ask(wanted);
  });

  (async () => {
    module = await program();
    hire();
    root.hidden = false;
    if (asked()) root.scrollIntoView();
    ask(asked());
  })();
})();
