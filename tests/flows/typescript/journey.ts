// A player's journey by the files of docs/frontend.md. HOUSE has the addresses, the account and the cat.
import { allCats, findCats, readCat } from "./catalog.js";
import { addresses, jsonBody, send } from "./house.js";
import { watchInbox, type Notification } from "./inbox.js";
import { answer, install, move, readConsent, uninstall, upgrade } from "./installing.js";
import { patiently } from "./patience.js";
import { HouseError } from "./problem.js";
import { Session } from "./session.js";
import { listen, say } from "./talking.js";

declare const process: { env: Record<string, string>; exitCode: number };
const house = JSON.parse(process.env["HOUSE"]!);
Object.assign(addresses, house.urls);

function equal(found: unknown, expected: unknown, what: string): void {
  const [left, right] = [JSON.stringify(found), JSON.stringify(expected)];
  if (left !== right) throw new Error(`${what}: ${left} instead of ${right}`);
}

async function refused(work: Promise<unknown>): Promise<HouseError> {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error instanceof HouseError) return error;
  throw new Error(`not refused but ${error}`);
}

function later(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}

// The network as it can be: requests whose token has come to its end, and answers that are lost.
const network = { spoiled: 0, lost: 0, refreshes: 0 };
const real = globalThis.fetch;
globalThis.fetch = async (target, init) => {
  const headers = new Headers(init?.headers);
  if (String(target).endsWith("/auth/refresh")) network.refreshes++;
  if (network.spoiled > 0 && headers.has("Authorization")) {
    network.spoiled--;
    headers.set("Authorization", `${headers.get("Authorization")}x`);
  }
  const response = await real(target, { ...init, headers });
  if (network.lost === 0) return response;
  network.lost--;
  await response.arrayBuffer();
  const problem = { code: "outcome_unknown", detail: "Nobody knows.", status: 503 };
  const sent = { "Content-Type": "application/problem+json", "Retry-After": "0" };
  return new Response(JSON.stringify(problem), { status: 503, headers: sent });
};

const kept = new Map<string, string>();
const store = {
  getItem: (key: string) => kept.get(key) ?? null,
  setItem: (key: string, value: string) => void kept.set(key, value),
  removeItem: (key: string) => void kept.delete(key),
};
let ended = 0;
const session = new Session(store, () => ended++);
const me = () => session.json<{ email: string }>("auth", "/api/v1/users/me");

async function logIn(): Promise<void> {
  equal((await refused(session.logIn(house.email, "not the password"))).code, "invalid_credentials", "a wrong password");
  await session.logIn(house.email, house.password);
  equal((await me()).email, house.email, "who is logged in");

  network.spoiled = 8;
  const everybody = await Promise.all(Array.from({ length: 8 }, me));
  equal(everybody.map((each) => each.email), Array(8).fill(house.email), "calls whose token was over");
  equal(network.refreshes, 1, "refreshes for eight calls");

  // A reload of the page has the refresh token and no access token.
  const reloaded = new Session(store);
  await Promise.all([1, 2, 3].map(() => reloaded.send("auth", "/api/v1/users/me")));
  equal(network.refreshes, 2, "refreshes after a reload");
}

async function beRefused(): Promise<void> {
  const nothing = await refused(session.send("installation", "/api/v1/tasks", jsonBody("POST", { priority: "urgent" })));
  equal([nothing.code, Object.keys(nothing.fields()).sort()], ["validation_failed", ["priority", "title"]], "faults");
  const port = addresses.proxy;
  addresses.proxy = "http://127.0.0.1:1";
  equal((await refused(send("proxy", "/health"))).code, "unreachable", "a house that is away");
  addresses.proxy = port;
}

async function find() {
  const found: string[] = [];
  for await (const cat of allCats({ tag: [house.tag], limit: 2, sort: "newest" })) found.push(cat.slug);
  equal(found, house.slugs, "all pages of the catalog");
  const faceted = await findCats({ tag: [house.tag], limit: 1, facets: true });
  equal(faceted.facets.tags.find((each) => each.value === house.tag)?.count, found.length, "how many have the tag");
  const wrong = await refused(findCats({ search: "other", cursor: faceted.next_cursor }));
  equal(wrong.code, "cursor_mismatch", "a cursor of another list");
  const known = await readCat(house.cat);
  equal((await readCat(house.cat, known)) === known, true, "an unchanged cat is not sent again");
  equal((await readCat(house.cat, { ...known, etag: '"old"' })) === known, false, "a changed cat is sent");
  return known.cat;
}

async function live(cat: Awaited<ReturnType<typeof find>>): Promise<string> {
  const release = await readConsent(cat);
  const asked = release.permissions.map((each) => [each.permission_type, each.required]);
  equal(asked, [["notification", false], ["storage", true]], "what is asked for");
  const wish = { cat_id: cat.id, instance_name: "Misty" };
  const without = await refused(install(session, { ...wish, grants: { storage: false } }, crypto.randomUUID()));
  equal([without.code, without.problem["missing"]], ["permission_required", ["storage"]], "without what is required");

  const [key, consent] = [crypto.randomUUID(), { ...wish, grants: { storage: true, notification: false } }];
  network.lost = 1;
  const installed = await patiently(() => install(session, consent, key));
  equal((await install(session, consent, key)).id, installed.id, "the same key again");
  const other = await refused(install(session, { ...consent, instance_name: "Other" }, key));
  equal(other.code, "idempotency_key_reused", "the key with another body");
  equal((await refused(install(session, consent, crypto.randomUUID()))).code, "instance_name_taken", "a name twice");

  const granted = await answer(session, installed.id, "notification", true);
  equal(granted.granted, true, "a permission that is granted later");
  const needed = await refused(answer(session, installed.id, "storage", false));
  equal([needed.problem.status, needed.code], [409, "permission_required"], "a required one that is taken back");
  const nothingNew = await refused(upgrade(session, installed.id, { version: cat.version }));
  equal(nothingNew.code, "version_not_offered", "an upgrade where there is none");

  equal((await move(session, installed.id, "pause")).status, "paused", "a pause");
  equal((await refused(say(session, installed.id, "Hello?"))).code, "installation_paused", "talking to it then");
  equal((await move(session, installed.id, "resume")).status, "active", "and on");
  return installed.id;
}

async function talk(id: string): Promise<void> {
  equal(await say(session, id, "Hello!"), { heard: "Hello!" }, "what the cat says");
  const words: string[] = [];
  for await (const event of listen(session, id, "story")) words.push(`${event.event} ${event.data}`);
  equal(words, ['word "Once"', 'word "ünd"', 'end {"lines": ["a", "b"]}'], "a story");

  const broken = (async () => {
    for await (const event of listen(session, id, "fail")) words.push(event.data);
  })();
  equal((await refused(broken)).code, "cat_failed", "a story that breaks off");

  const controller = new AbortController();
  let heard = 0;
  try {
    for await (const _ of listen(session, id, "forever", controller.signal)) if (++heard === 3) controller.abort();
    throw new Error("it went on for ever");
  } catch (error) {
    equal((error as Error).name, "AbortError", "a story that is stopped");
  }
  for await (const _ of listen(session, id, "forever")) break; // leaving the loop stops it as well
}

async function beNotified(id: string): Promise<void> {
  const heard: string[] = [];
  let awaited = later();
  const onNew = (notification: Notification) => {
    heard.push(notification.title);
    awaited.resolve();
  };
  // The connection breaks after the first notification: the next one begins with what came before.
  const lastIds: (string | null)[] = [];
  const through = globalThis.fetch;
  const opened = [later(), later()];
  globalThis.fetch = async (target, init) => {
    const response = await through(target, init);
    if (!String(target).endsWith("/notifications/stream")) return response;
    lastIds.push(new Headers(init?.headers).get("Last-Event-ID"));
    opened[lastIds.length - 1]?.resolve();
    if (lastIds.length > 1) return response;
    const reader = response.body!.getReader();
    const cut = new ReadableStream({
      async pull(into) {
        const { value } = await reader.read();
        into.enqueue(value);
        if (new TextDecoder().decode(value).includes("event: notification")) {
          await reader.cancel();
          into.close();
        }
      },
    });
    return new Response(cut, { headers: response.headers });
  };
  const stop = new AbortController();
  const watching = watchInbox(session, onNew, stop.signal);
  await opened[0]!.promise;
  await say(session, id, { notify: "first" });
  await awaited.promise;
  await opened[1]!.promise;
  awaited = later();
  await say(session, id, { notify: "second" });
  await awaited.promise;
  stop.abort();
  await watching;
  globalThis.fetch = through;
  equal(heard, ["first", "second"], "each notification once");
  equal([lastIds[0], typeof lastIds[1]], [null, "string"], "where each stream begins");
}

async function leave(id: string): Promise<void> {
  await uninstall(session, id);
  equal((await refused(say(session, id, "Hello?"))).code, "installation_uninstalled", "after it was uninstalled");
  const stolen = kept.get("cathouse.refresh_token")!;
  await session.logOut();
  equal([session.isLoggedIn, ended], [false, 0], "after the log-out");
  kept.set("cathouse.refresh_token", stolen);
  equal((await refused(new Session(store, () => ended++).send("auth", "/api/v1/users/me"))).code, "refresh_token_invalid", "");
  equal([session.isLoggedIn, ended], [false, 1], "a session that is over");
}

await logIn();
await beRefused();
const installed = await live(await find());
await talk(installed);
await beNotified(installed);
await leave(installed);
console.log("walked");
