// SPDX-License-Identifier: GPL-2.0-only
// The console: faults as they come, gateways, the list of countermeasures and its history, applications, and the services
// that gateways are asked to run. All that is shown comes from the center's HTTP interface (/v1/openapi.json) with the user's token; what gateways and
// applications have said is text and never becomes anything else.
"use strict";

const ACTIONS = ["none", "restart", "restart-clean", "stop", "reinstall", "rollback", "switch", "limits", "signal", "run",
	"collect", "hold", "reboot"];
// What an action takes: name, and whether it is a number (lib/action.c checks it).
const PARAMETERS = { switch: [["list", false]], signal: [["signal", false]], hold: [["seconds", true]], run: [["service", false], ["timeout", true]],
	limits: [["memory", true], ["files", true], ["processes", true]] };
const TOKEN = "faultline-token";
const LIVE_S = 30;
const SEEN_LATE_S = 60;

const byId = (id) => document.getElementById(id);
let token = sessionStorage.getItem(TOKEN) || "";
let view = 0;			// counts pages shown: what belongs to an older one ends
let waiting = null;		// the request that waits for news
let self = null;

// An element with its attributes and children; strings become text.
function el(name, attributes, ...children) {
	const element = document.createElement(name);
	for (const [key, value] of Object.entries(attributes || {})) {
		if (key.startsWith("on"))
			element.addEventListener(key.slice(2), value);
		else if (value === true)
			element.setAttribute(key, "");
		else if (value !== false && value !== null && value !== undefined)
			element.setAttribute(key, value);
	}
	element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
	return element;
}

class Problem extends Error {
	constructor(status, detail) {
		super(detail);
		this.status = status;
	}
}

async function ask(method, path, { body, headers = {}, signal } = {}) {
	const answer = await fetch(path, {
		method, signal, cache: "no-store",
		headers: { ...headers, Authorization: `Bearer ${token}`, ...(body ? { "Content-Type": "application/json" } : {}) },
		body: body ? JSON.stringify(body) : undefined,
	});
	if (answer.status === 304)
		return { status: 304 };
	const text = await answer.text();
	let json = null;
	try {
		json = text ? JSON.parse(text) : null;
	} catch {
		// What stands between may answer with anything.
	}
	if (!answer.ok)
		throw new Problem(answer.status, json && json.detail ? json.detail : `the center answered with status ${answer.status}`);
	return { status: answer.status, json, etag: answer.headers.get("ETag") };
}

function state(text, good) {
	byId("state").textContent = text;
	byId("state").className = `state ${good === undefined ? "" : good ? "good" : "bad"}`;
}

// Times.
function ago(time) {
	if (!time)
		return "never";
	const seconds = Math.max(0, (Date.now() - Date.parse(time)) / 1000);
	for (const [unit, size] of [["d", 86400], ["h", 3600], ["min", 60]])
		if (seconds >= size)
			return `${Math.floor(seconds / size)} ${unit} ago`;
	return `${Math.floor(seconds)} s ago`;
}

function clock(time) {
	const date = new Date(time);
	if (!time || Number.isNaN(date.getTime()))
		return "–";
	const two = (n) => String(n).padStart(2, "0");
	const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
	const moment = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
	// Of today the time alone.
	return date.toDateString() === new Date().toDateString() ? moment : `${day} ${moment}`;
}

const when = (time) => el("time", { datetime: time, title: time, class: "tight" }, clock(time));
const tag = (text, look) => el("span", { class: `tag ${look || ""}` }, text);
const notice = (text, look) => el("p", { class: `notice ${look || ""}`, role: look === "bad" ? "alert" : "status" }, text);

function outcomeTag(outcome) {
	if (!outcome)
		return tag("open", "warn");
	const look = { restored: "good", failed: "bad" }[outcome.result] || "";
	return tag(outcome.loop ? `${outcome.result}, loop` : outcome.result, outcome.loop ? "bad" : look);
}

function table(heads, rows, empty) {
	if (!rows.length)
		return el("div", { class: "sheet" }, el("p", { class: "empty" }, empty));
	return el("div", { class: "sheet" }, el("table", {},
		el("thead", {}, el("tr", {}, heads.map(([title, look]) => el("th", { scope: "col", class: look }, title)))),
		el("tbody", {}, rows)));
}

function row(cells, go, more) {
	return el("tr", go ? { class: `open ${more || ""}`, tabindex: "0", "data-go": go, onclick: () => { location.hash = go; } } : {},
		cells.map(([content, look]) => el("td", { class: look }, content)));
}

const facts = (pairs, look) => el("dl", { class: `facts ${look || ""}` },
	pairs.filter(([, value]) => value !== undefined && value !== null && value !== "")
		.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value instanceof Node ? value : String(value)))));
const sheet = (...content) => el("div", { class: "sheet" }, ...content);

function show(...content) {
	byId("main").replaceChildren(...content);
}

function head(title, ...more) {
	return el("div", { class: "head" }, el("h1", {}, title), ...more);
}

// Faults.
const filters = { gateway: "", kind: "", application: "" };

function faultRows(faults, known) {
	return faults.map((f) => row([
		[when(f.received), "tight"], [f.gateway], [el("strong", {}, f.kind), "tight"],
		[f.application ? `${f.application} ${f.version || ""}` : "–"],
		[f.countermeasure.action, "tight"], [f.decided_by === "gateway" ? `gateway (${f.decided_why})` : "center", "rare"],
		[outcomeTag(f.outcome), "tight"], [f.outcome ? `${Math.round(f.outcome.duration_ms)} ms` : "", "tight rare"],
	], `faults/${f.gateway}/${f.id}`, known && !known.has(`${f.gateway}/${f.id}`) ? "fresh" : ""));
}

const FAULT_HEADS = [["Received"], ["Gateway"], ["Kind"], ["Application"], ["Action"], ["Decided by", "rare"], ["Outcome"],
	["Took", "rare"]];

async function pageFaults(mine) {
	const inputs = Object.keys(filters).map((name) => el("input", { type: "search", placeholder: name, "aria-label": `Only this ${name}`,
		value: filters[name], id: name === "kind" ? "filter" : null,
		onchange: (event) => { filters[name] = event.target.value.trim(); render(); } }));
	const place = el("div", { "aria-live": "polite" });
	show(head("Faults", el("div", { class: "filters" }, inputs)), place);
	const query = new URLSearchParams(Object.entries(filters).filter(([, value]) => value));
	let etag = null, known = null;
	while (mine === view) {
		try {
			waiting = new AbortController();
			const answer = await ask("GET", `/v1/faults?${query}${etag ? `&wait=${LIVE_S}` : ""}`,
				{ headers: etag ? { "If-None-Match": etag } : {}, signal: waiting.signal });
			if (mine !== view)
				return;
			state("live", true);
			if (answer.status === 304)
				continue;
			etag = answer.etag;
			const focus = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.go : null;
			place.replaceChildren(table(FAULT_HEADS, faultRows(answer.json, known), query.size ?
				"No fault fits the filter." : "No fault was reported. All is well."));
			known = new Set(answer.json.map((f) => `${f.gateway}/${f.id}`));
			if (focus) {
				const again = [...place.querySelectorAll("tr")].find((r) => r.dataset.go === focus);
				if (again)
					again.focus();
			}
			// A storm of faults is shown a few times a second, not for each.
			await new Promise((resolve) => { setTimeout(resolve, 250); });
		} catch (problem) {
			if (mine !== view)
				return;
			if (problem.status === 401 || problem.status === 403)
				return leave(problem.message);
			state("no answer from the center", false);
			if (problem.status === 400)
				place.replaceChildren(notice(problem.message, "bad"));
			await new Promise((resolve) => { setTimeout(resolve, 2000); });
		}
	}
}

const SHOWN = new Set(["kernel", "registers", "pc", "log", "events", "backtrace", "script", "stack", "gateway"]);

function lines(value) {
	return value.map((line) => {
		if (typeof line === "string")
			return line;
		if (line && typeof line === "object")
			return [line.time, line.name, line.text].filter(Boolean).join("  ") || JSON.stringify(line);
		return String(line);
	}).join("\n");
}

const DECIDED = { overdue: "as no answer came in time", list: "by its list", refused: "as it was refused before it could run" };

function done(fault) {
	const list = [el("li", {}, when(fault.time), ` the fault happened at ${fault.gateway}`),
		el("li", {}, when(fault.received), " the center stored it; ", fault.decided_by === "gateway" ?
			`the gateway decided itself, ${DECIDED[fault.decided_why] || fault.decided_why}` : "the center decided",
		": ", el("strong", {}, fault.countermeasure.action), ` (list version ${fault.policy_version})`)];
	if (fault.outcome)
		list.push(el("li", {}, when(fault.outcome.received), ` ${fault.outcome.action}: `, outcomeTag(fault.outcome),
			` ${Math.round(fault.outcome.duration_ms * 100) / 100} ms after the fault`, fault.outcome.detail ? `. ${fault.outcome.detail}` : ""));
	else
		list.push(el("li", { class: "soft" }, "the gateway has not said yet what became of it"));
	return sheet(el("ol", { class: "steps" }, list));
}

async function pageFault(mine, gateway, id) {
	const { json: fault } = await ask("GET", `/v1/gateways/${gateway}/faults/${id}`);
	if (mine !== view)
		return;
	const data = fault.data || {}, kernel = data.kernel || {}, script = data.script || {};
	const parts = [head(`${fault.kind} – ${fault.application || "no application"}`,
		el("a", { href: `#edit/new/${fault.kind}/${fault.application || ""}` }, "Countermeasure for this"),
		el("a", { href: "#faults" }, "All faults"))];
	parts.push(sheet(facts([["Gateway", fault.gateway], ["Application", fault.application && `${fault.application} ${fault.version || ""}`],
		["Group", fault.group], ["Id", fault.id], ["Signal", kernel.signal], ["Address", kernel.address], ["Process", kernel.pid && `${kernel.comm} [${kernel.pid}]`],
		["Thread", kernel.tid], ["Place", data.pc], ["Sent by", kernel.sender && `process ${kernel.sender.pid} of user ${kernel.sender.uid}`],
		["Script", script.service && `${script.service} line ${script.line}: ${script.event}`],
		["Kernel", data.gateway && data.gateway.kernel], ["Source", data.gateway && data.gateway.source]])));
	parts.push(el("h2", {}, "What was done"), done(fault));
	if (Array.isArray(data.backtrace) && data.backtrace.length)
		parts.push(el("h2", {}, "Backtrace"), sheet(el("pre", {}, lines(data.backtrace))));
	if (data.registers && Object.keys(data.registers).length)
		parts.push(el("h2", {}, "Registers"), sheet(facts(Object.entries(data.registers), "registers")));
	if (Array.isArray(data.log) && data.log.length)
		parts.push(el("h2", {}, "Log of the application"), sheet(el("pre", {}, lines(data.log))));
	if (Array.isArray(data.events) && data.events.length)
		parts.push(el("h2", {}, "Events before it, newest first"), sheet(el("pre", {}, lines(data.events))));
	const rest = Object.entries({ ...data, outcome: fault.outcome && fault.outcome.data })
		.filter(([name, value]) => (!SHOWN.has(name) || name === "stack") && value !== null && value !== undefined);
	if (rest.length)
		parts.push(el("h2", {}, "More"), sheet(rest.map(([name, value]) => el("details", {}, el("summary", {}, name),
			el("pre", {}, typeof value === "string" ? value : JSON.stringify(value, null, 2))))));
	state("");
	show(...parts);
}

// Gateways.
async function pageGateways(mine) {
	const { json: gateways } = await ask("GET", "/v1/gateways");
	if (mine !== view)
		return;
	state(`${gateways.length} gateways`, true);
	show(head("Gateways"), table([["Name"], ["Last seen"], ["Software"], ["Source"], ["Applications"], ["List version", "rare"], ["Group", "rare"], ["Address", "rare"]],
		gateways.map((g) => {
			const said = g.state || {};
			const late = Date.now() - Date.parse(g.seen) > SEEN_LATE_S * 1000;
			return row([[el("strong", {}, g.name)], [tag(ago(g.seen), late ? "bad" : "good"), "tight"], [g.software || "–"],
				[said.source || "–"], [said.applications === undefined ? "–" : `${said.running} of ${said.applications} running`, "tight"],
				[said.policy_version === undefined ? "–" : said.policy_version, "rare"], [said.group || "–", "rare"], [g.address, "mono rare"]],
			`faults?gateway=${g.name}`);
		}), "No gateway was seen yet."));
	later(mine, pageGateways, 5000);
}

// Shows a page again after a while, if it is still the one.
function later(mine, page, ms) {
	setTimeout(() => {
		if (mine === view && !document.hidden)
			page(mine).catch((problem) => { if (mine === view) state(problem.message, false); });
		else if (mine === view)
			later(mine, page, ms);
	}, ms);
}

// The list of countermeasures.
const keyText = (e) => [e.application || "any application", e.version, e.group && `group ${e.group}`].filter(Boolean).join(" ");
const terms = (e) => e.action === "none" ? "" : `${e.attempts} in ${e.window_s} s, then ${e.then}`;

async function pageList(mine) {
	const { json: list } = await ask("GET", "/v1/countermeasures");
	if (mine !== view)
		return;
	state(`list version ${list.policy_version}`, true);
	const entries = list.countermeasures.sort((a, b) => a.key < b.key ? -1 : 1);
	show(head("Countermeasures", el("button", { class: "main", type: "button", onclick: () => { location.hash = "edit/new"; } }, "New ", el("kbd", {}, "n"))),
		table([["Kind"], ["For"], ["Action"], ["Attempts"], ["Decided"], ["Parameters", "rare"]], entries.map((e) => row([
			[el("strong", {}, e.kind || "every kind")], [keyText(e)], [tag(e.action)], [terms(e)], [e.decide === "gateway" ? "at the gateway" : "at the center", "tight"],
			[Object.entries(e.parameters || {}).map(([k, v]) => `${k}=${v}`).join(" "), "mono rare"],
		], `edit/${e.key}`)), "The list is empty: nothing is done about any fault but what gateways do by themselves."),
		el("p", { class: "soft" }, "The longest kind decides; then an entry with an application, a version, a group, in this order."));
}

const field = (label, control, look) => el("label", { class: look }, label, control);
const choice = (name, values, chosen, disabled) => el("select", { name, disabled }, values.map((v) => el("option", { value: v, selected: v === chosen }, v)));
const number = (name, value, min, max) => el("input", { name, type: "number", min, max, value, required: true });

function parameterFields(form, entry) {
	const place = form.querySelector("[data-parameters]");
	const wanted = new Map([...(PARAMETERS[form.elements.action.value] || []), ...(PARAMETERS[form.elements.then.value] || [])]);
	const values = { ...entry.parameters };
	for (const input of place.querySelectorAll("input"))
		values[input.name.slice(2)] = input.value;
	place.replaceChildren(...[...wanted].map(([name, numeric]) => field(`${name} (parameter)`,
		el("input", { name: `p.${name}`, type: numeric ? "number" : "text", value: values[name] }))));
	place.hidden = !wanted.size;
}

function formEntry(form) {
	const value = (name) => form.elements[name].value.trim();
	const entry = { action: value("action"), then: value("then"), decide: value("decide"), attempts: Number(value("attempts")),
		window_s: Number(value("window_s")), backoff_ms: Number(value("backoff_ms")), parameters: {} };
	if (Number(value("healthy_s")))
		entry.healthy_s = Number(value("healthy_s"));
	for (const input of form.querySelectorAll("[data-parameters] input"))
		if (input.value.trim())
			entry.parameters[input.name.slice(2)] = input.type === "number" ? Number(input.value) : input.value.trim();
	return entry;
}

function formKey(form) {
	const key = {};
	for (const name of ["kind", "application", "version", "group"])
		key[name] = form.elements[name].value.trim();
	return key;
}

async function dryRun(form, result) {
	const { json: found } = await ask("POST", "/v1/countermeasures/match", { body: { ...formKey(form), ...formEntry(form) } });
	result.replaceChildren(notice(found.length ? `In the last week it would have decided about ${found.length} fault${found.length === 1 ? "" : "s"}:` :
		"In the last week it would not have decided about any fault."),
	found.length ? table([["Received"], ["Gateway"], ["Kind"], ["Application"], ["Then"], ["Now"]], found.slice(0, 100).map((f) => row([
		[when(f.received), "tight"], [f.gateway], [f.kind], [`${f.application || "–"} ${f.version || ""}`], [f.countermeasure.action, "tight"], [el("strong", {}, f.would), "tight"]]))) : "");
}

async function save(form, existing) {
	const body = { ...formEntry(form), reason: form.elements.reason.value.trim() };
	const key = formKey(form);
	if (existing)
		await ask("PUT", `/v1/countermeasures/${existing.key}`, { body, headers: { "If-Match": existing.etag } });
	else
		await ask("POST", "/v1/countermeasures", { body: { ...key, ...body } });
	location.hash = "list";
}

async function pageEdit(mine, key, kind, application) {
	const existing = key === "new" ? null : (await ask("GET", `/v1/countermeasures/${key}`)).json;
	if (mine !== view)
		return;
	const entry = existing || { kind: kind || "", application: application || "", version: "", group: "", action: "restart", then: "stop",
		attempts: 3, window_s: 60, backoff_ms: 100, healthy_s: 0, decide: "center", parameters: {} };
	const fixed = Boolean(existing);
	const result = el("div", { "aria-live": "polite" });
	const saveButton = el("button", { class: "main", type: "submit", disabled: true }, "Save");
	const text = (name, value, placeholder) => el("input", { name, value, placeholder, disabled: fixed, required: name === "kind", autocomplete: "off" });
	const form = el("form", { autocomplete: "off" },
		el("div", { class: "fields" },
			field("Kind of fault, * for every", text("kind", entry.kind || (fixed ? "*" : ""), "signal.segv")), field("Application", text("application", entry.application, "any")),
			field("Version", text("version", entry.version, "any")), field("Group of gateways", text("group", entry.group, "any"))),
		el("div", { class: "fields" },
			field("Action", choice("action", ACTIONS, entry.action)), field("Attempts", number("attempts", entry.attempts, 1, 100)),
			field("within seconds", number("window_s", entry.window_s, 1, 2592000)), field("ms before the second", number("backoff_ms", entry.backoff_ms, 0, 3600000)),
			field("Then", choice("then", ACTIONS, entry.then)), field("Healthy after seconds, 0: as usual", number("healthy_s", entry.healthy_s || 0, 0, 2592000)),
			field("Decided at the", choice("decide", ["center", "gateway"], entry.decide))),
		el("div", { class: "fields", "data-parameters": true, hidden: true }),
		el("div", { class: "fields" }, field("Reason, for the history", el("input", { name: "reason", maxlength: 255, required: true }), "wide")),
		el("div", { class: "buttons" }, el("button", { type: "button", id: "dry" }, "Dry run"), saveButton,
			fixed ? el("button", { type: "button", class: "bad", id: "remove" }, "Remove") : null, el("a", { href: "#list" }, "Cancel")),
		el("p", { class: "soft" }, "Save is open after a dry run of what is entered."));
	const tell = (problem) => result.replaceChildren(notice(problem.message, "bad"));
	form.addEventListener("input", () => { saveButton.disabled = true; });
	form.addEventListener("change", () => parameterFields(form, entry));
	form.addEventListener("submit", (event) => { event.preventDefault(); save(form, existing).catch(tell); });
	form.querySelector("#dry").addEventListener("click", () => {
		if (form.reportValidity())
			dryRun(form, result).then(() => { saveButton.disabled = false; saveButton.focus(); }).catch(tell);
	});
	form.elements.reason.addEventListener("input", (event) => { event.stopPropagation(); });
	if (fixed)
		form.querySelector("#remove").addEventListener("click", () => {
			if (form.elements.reason.reportValidity())
				ask("DELETE", `/v1/countermeasures/${existing.key}`, { body: { reason: form.elements.reason.value.trim() }, headers: { "If-Match": existing.etag } })
					.then(() => { location.hash = "list"; }).catch(tell);
		});
	parameterFields(form, entry);
	state("");
	show(head(fixed ? `Change: ${entry.kind || "every kind"} – ${keyText(entry)}` : "New countermeasure"), form, result);
	(fixed ? form.elements.action : form.elements.kind).focus();
}

// History.
function diff(before, after) {
	const names = [...new Set([...Object.keys(before || {}), ...Object.keys(after || {})])];
	const text = (value) => typeof value === "object" ? JSON.stringify(value) : String(value);
	const out = [];
	for (const name of names) {
		const was = before ? text(before[name]) : undefined, is = after ? text(after[name]) : undefined;
		if (was === is || (!before && (is === "" || is === "{}")) || (!after && (was === "" || was === "{}")))
			continue;
		if (was !== undefined)
			out.push(el("div", { class: "minus" }, `- ${name}: ${was}`));
		if (is !== undefined)
			out.push(el("div", { class: "plus" }, `+ ${name}: ${is}`));
	}
	return el("div", { class: "diff" }, out);
}

async function pageHistory(mine) {
	const { json: changes } = await ask("GET", "/v1/changes?limit=100");
	if (mine !== view)
		return;
	const reason = el("input", { id: "undo-reason", placeholder: "why it is undone", "aria-label": "Reason for an undo", maxlength: 255 });
	const result = el("div", {});
	const undo = (version) => {
		reason.setCustomValidity(reason.value.trim() ? "" : "Say why first");
		if (!reason.reportValidity())
			return;
		ask("POST", `/v1/changes/${version}/undo`, { body: { reason: reason.value.trim() } }).then(() => render())
			.catch((problem) => result.replaceChildren(notice(problem.message, "bad")));
	};
	reason.addEventListener("input", () => reason.setCustomValidity(""));
	state(`${changes.length} changes`, true);
	show(head("History", reason), result, changes.length ? "" : sheet(el("p", { class: "empty" }, "The list was never changed.")),
		...changes.map((c) => {
			const entry = c.after || c.before || {};
			return el("section", {}, el("div", { class: "head" }, el("h2", {}, `${c.policy_version}: ${c.change} – ${c.kind || "every kind"}, ${keyText(entry)}`),
				el("span", { class: "soft" }, when(c.time), ` ${c.author}`), el("button", { type: "button", onclick: () => undo(c.policy_version) }, "Undo")),
			sheet(c.reason ? el("p", { class: "notice" }, c.reason) : "", diff(c.before, c.after)));
		}));
}

// Applications.
async function pageApplications(mine) {
	const [applications, scripts, definitions] = (await Promise.all(["/v1/applications", "/v1/scripts", "/v1/definitions"]
		.map((path) => ask("GET", path)))).map((answer) => answer.json);
	if (mine !== view)
		return;
	state(`${applications.length} bundles`, true);
	show(head("Applications"), table([["Name"], ["Version"], ["Runs"], ["Runtime"], ["Stays", "rare"], ["Size"], ["Added"], ["SHA-256", "rare"]], applications.map((a) => row([
		[el("strong", {}, a.name)], [a.version, "tight"], [a.current ? tag("yes", "good") : "no", "tight"], [a.runtime], [a.residence, "rare"],
		[`${(a.size / 1024).toFixed(0)} KiB`, "tight"], [when(a.added), "tight"], [`${a.sha256.slice(0, 16)}…`, "mono rare"]])), "No bundle was added."),
	el("p", { class: "soft" }, "Verified of each before it was kept: the archive is whole to its last byte; its application data come first and are valid; ",
		"every path stays below its root and is there once; there are only files and folders; its program is among them. A version never changes."),
	el("h2", {}, "Scripts"), table([["Service"], ["Edition"], ["Size"], ["Added"], ["SHA-256", "rare"]], scripts.map((s) => row([
		[el("strong", {}, s.service)], [s.edition], [`${s.size} B`, "tight"], [when(s.added), "tight"], [`${s.sha256.slice(0, 16)}…`, "mono rare"]])), "No script was added."),
	el("p", { class: "soft" }, "Each fits its service's definition."),
	el("h2", {}, "Definitions"), table([["Service"], ["Events"]], definitions.map((d) => row([[el("strong", {}, d.service)], [d.events.join(", ")]])), "No definition was added."));
}

// Services by request.
const REQUEST_LOOKS = { done: "good", failed: "bad", refused: "bad", expired: "warn", waiting: "warn" };

function requestRow(r, cancel) {
	const took = r.result && r.result.duration_ms !== undefined ? `${r.result.steps} steps in ${Math.round(r.result.duration_ms)} ms` : "";
	const note = r.state === "waiting" ? `not after ${clock(r.not_after)}` : r.detail || took;
	return row([[when(r.asked), "tight"], [r.gateway], [el("strong", {}, r.service)], [tag(r.state, REQUEST_LOOKS[r.state]), "tight"],
		[r.started ? when(r.started) : "–", "tight rare"], [note], [`${r.author}${r.reason ? `: ${r.reason}` : ""}`, "rare"],
		[r.state === "waiting" ? el("button", { type: "button", onclick: () => cancel(r) }, "Cancel") : "", "tight"]]);
}

async function pageRequests(mine) {
	const result = el("div", {}), place = el("div", { "aria-live": "polite" });
	const cancel = (r) => ask("DELETE", `/v1/requests/${r.id}?gateway=${r.gateway}`).then(() => render())
		.catch((problem) => result.replaceChildren(notice(problem.message, "bad")));
	const refresh = async () => {
		const { json: requests } = await ask("GET", "/v1/requests");
		if (mine !== view)
			return;
		state("live", true);
		place.replaceChildren(table([["Asked"], ["Gateway"], ["Service"], ["State"], ["Begun", "rare"], ["What came of it"], ["By", "rare"], [""]],
			requests.map((r) => requestRow(r, cancel)), "No gateway was asked to run a service."));
		later(mine, refresh, 2000);
	};
	show(head("Requests", el("button", { class: "main", type: "button", onclick: () => { location.hash = "ask"; } }, "Ask for a service")), result, place);
	await refresh();
}

async function pageAsk(mine) {
	const [scripts, gateways] = (await Promise.all(["/v1/scripts", "/v1/gateways"].map((path) => ask("GET", path)))).map((answer) => answer.json);
	if (mine !== view)
		return;
	const groups = [...new Set(gateways.map((g) => g.state && g.state.group).filter(Boolean))].sort();
	const result = el("div", { "aria-live": "polite" });
	// One id for what is entered, however often it is sent: it is asked for once.
	const id = crypto.getRandomValues(new Uint32Array(4)).reduce((text, n) => text + n.toString(16).padStart(8, "0"), "");
	const form = el("form", { autocomplete: "off" },
		el("div", { class: "fields" }, field("Service", choice("service", scripts.map((s) => s.service))),
			field("Of", el("select", { name: "of" }, groups.map((g) => el("option", { value: `group ${g}` }, `all gateways of group ${g}`)),
				gateways.map((g) => el("option", { value: `gateway ${g.name}` }, g.name)))),
			field("begun within minutes", number("within", 60, 1, 43200))),
		el("div", { class: "fields" }, field("Reason", el("input", { name: "reason", maxlength: 255, required: true }), "wide")),
		el("div", { class: "buttons" }, el("button", { class: "main", type: "submit", disabled: !scripts.length || !gateways.length }, "Ask"), el("a", { href: "#requests" }, "Cancel")),
		el("p", { class: "soft" }, "Each gateway runs it once, by the script that is kept here. Until a gateway has taken it, it can be cancelled."));
	form.addEventListener("submit", (event) => {
		event.preventDefault();
		const [what, name] = form.elements.of.value.split(" ");
		ask("POST", "/v1/requests", { body: { id, service: form.elements.service.value, [what]: name, within_s: 60 * Number(form.elements.within.value),
			reason: form.elements.reason.value.trim() } }).then(() => { location.hash = "requests"; })
			.catch((problem) => result.replaceChildren(notice(problem.message, "bad")));
	});
	state("");
	show(head("Ask for a service"), scripts.length ? "" : notice("No script was added: there is nothing to ask for."),
		gateways.length ? "" : notice("No gateway was seen yet."), form, result);
	form.elements.service.focus();
}

// Getting in and out.
function leave(why) {
	token = "";
	self = null;
	sessionStorage.removeItem(TOKEN);
	view++;
	byId("pages").hidden = true;
	byId("leave").hidden = true;
	state("");
	const input = el("input", { type: "password", name: "token", required: true, autocomplete: "off", spellcheck: "false" });
	const place = el("div", {});
	const form = el("form", { class: "login" }, el("h1", {}, "Faultline center"), why ? notice(why, "bad") : "",
		field("Administrator's token", input), el("div", { class: "buttons" }, el("button", { class: "main", type: "submit" }, "Enter")), place,
		el("p", { class: "soft" }, "faultline-center administrator add NAME prints one. It is kept until this tab is closed."));
	form.addEventListener("submit", (event) => {
		event.preventDefault();
		token = input.value.trim();
		enter().catch((problem) => place.replaceChildren(notice(problem.message, "bad")));
	});
	show(form);
	input.focus();
}

async function enter() {
	self = (await ask("GET", "/v1/self")).json;
	sessionStorage.setItem(TOKEN, token);
	byId("pages").hidden = false;
	byId("leave").hidden = false;
	byId("leave").replaceChildren("Leave", el("span", {}, ` (${self.name})`));
	render();
}

const PAGES = { faults: pageFaults, gateways: pageGateways, list: pageList, history: pageHistory, applications: pageApplications, edit: pageEdit,
	requests: pageRequests, ask: pageAsk };

function render() {
	if (!self)
		return;
	const mine = ++view;
	if (waiting)
		waiting.abort();
	const [path, query] = (location.hash.slice(1) || "faults").split("?");
	const [name, ...rest] = path.split("/").map(decodeURIComponent);
	if (query)
		for (const [key, value] of new URLSearchParams(query))
			if (key in filters)
				filters[key] = value;
	const page = name === "faults" && rest.length === 2 ? pageFault : PAGES[name] || pageFaults;
	for (const link of byId("pages").querySelectorAll("a"))
		if (link.dataset.page === name || (name === "edit" && link.dataset.page === "list") || (name === "ask" && link.dataset.page === "requests"))
			link.setAttribute("aria-current", "page");
		else
			link.removeAttribute("aria-current");
	page(mine, ...rest).catch((problem) => {
		if (mine !== view || problem.name === "AbortError")
			return;
		if (problem.status === 401 || problem.status === 403)
			leave(problem.message);
		else
			show(notice(problem.message, "bad"));
	});
}

// Keys.
function rowsMove(step) {
	const rows = [...document.querySelectorAll("tr.open")];
	const at = rows.indexOf(document.activeElement);
	if (rows.length)
		rows[Math.min(rows.length - 1, Math.max(0, at + step))].focus();
}

document.addEventListener("keydown", (event) => {
	const typing = ["INPUT", "SELECT", "TEXTAREA"].includes(event.target.tagName);
	if (event.key === "Escape" && self && !byId("keys").open) {
		if (typing)
			event.target.blur();
		else
			history.back();
		return;
	}
	if (typing || event.ctrlKey || event.altKey || event.metaKey || !self)
		return;
	const go = { 1: "faults", 2: "gateways", 3: "list", 4: "history", 5: "applications", 6: "requests", n: "edit/new" }[event.key];
	if (go)
		location.hash = go;
	else if (event.key === "j" || event.key === "ArrowDown")
		rowsMove(1);
	else if (event.key === "k" || event.key === "ArrowUp")
		rowsMove(-1);
	else if (event.key === "Enter" && event.target.dataset.go)
		location.hash = event.target.dataset.go;
	else if (event.key === "/" && byId("filter"))
		byId("filter").focus();
	else if (event.key === "?")
		byId("keys").showModal();
	else
		return;
	event.preventDefault();
});
byId("leave").addEventListener("click", () => leave());
window.addEventListener("hashchange", render);
if (token)
	enter().catch((problem) => leave(problem.status ? problem.message : "the center does not answer"));
else
	leave();
