// What a front end writes with openapi-fetch and the types of all four documents. It is compiled, not run.
import createClient from "openapi-fetch";

import type { components as Auth, paths as AuthPaths } from "./generated/auth.js";
import type { components as Catalog, paths as CatalogPaths } from "./generated/catalog.js";
import type { components as Installation, operations, paths as InstallationPaths } from "./generated/installation.js";
import type { paths as ProxyPaths } from "./generated/proxy.js";

const auth = createClient<AuthPaths>({ baseUrl: "http://localhost:8001" });
const catalog = createClient<CatalogPaths>({ baseUrl: "http://localhost:8002" });
const homes = createClient<InstallationPaths>({ baseUrl: "http://localhost:8003" });
const proxy = createClient<ProxyPaths>({ baseUrl: "http://localhost:8004" });

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function holds<_T extends true>(): void {}

holds<Same<Catalog["schemas"]["Problem"], Auth["schemas"]["Problem"]>>();
holds<Same<Installation["schemas"]["PermissionType"], "storage" | "notification" | "external_api" | "tasks">>();
holds<Same<Auth["schemas"]["User"]["clerk_user_id"], string | null>>();
holds<Same<Auth["schemas"]["Registration"]["role"], "player" | "developer" | undefined>>();
holds<Same<Installation["schemas"]["TaskPage"]["next_cursor"], string | null>>();
holds<Same<Installation["schemas"]["TaskChange"]["status"], Installation["schemas"]["TaskStatus"] | undefined>>();
holds<Same<operations["list_tasks"]["responses"][200]["content"]["application/json"], Installation["schemas"]["TaskPage"]>>();

export async function logIn(email: string, password: string): Promise<string | null> {
  const { data, error } = await auth.POST("/api/v1/auth/login", { body: { email, password } });
  if (error) return error.code === "totp_required" ? null : Promise.reject(error.detail);
  return data.access_token;
}

export async function register(): Promise<Auth["schemas"]["User"] | Auth["schemas"]["Accepted"] | undefined> {
  const body = { email: "mia@example.com", password: "correct horse battery", display_name: "Mia" };
  const { data, response } = await auth.POST("/api/v1/auth/register", { body });
  return response.ok ? data : undefined;
}

export async function facets(): Promise<number> {
  const { data } = await catalog.GET("/api/v1/cats", { params: { query: { facets: true, tag: ["weather"] } } });
  return data && "facets" in data ? data.facets.counted : 0;
}

export async function publish(id: string, token: string): Promise<string> {
  const headers = { Authorization: `Bearer ${token}` };
  const { data, error } = await catalog.POST("/api/v1/cats/{cat_id}/publish", { params: { path: { cat_id: id } }, headers });
  if (error) throw new Error(error.errors?.map((each) => each.message).join() ?? error.detail);
  return data.endpoint_url;
}

export async function install(id: string): Promise<Installation["schemas"]["Installation"]["status"]> {
  const { data, error } = await homes.POST("/api/v1/installations", {
    params: { header: { "Idempotency-Key": crypto.randomUUID() } },
    body: { cat_id: id, instance_name: "Misty", grants: { storage: true, notification: false } },
  });
  if (error) throw new Error(String(error["missing"]));
  return data.status;
}

export async function finish(id: string): Promise<void> {
  await homes.PATCH("/api/v1/tasks/{task_id}", { params: { path: { task_id: id } }, body: { status: "completed" } });
}

export async function recent(id: string): Promise<string[]> {
  const path = "/api/v1/installations/{installation_id}/activity";
  const { data } = await homes.GET(path, { params: { path: { installation_id: id } } });
  return (data?.items ?? []).map((each) => (each.type === "interaction" ? each.kind : each.permission_type));
}

export async function say(id: string): Promise<unknown> {
  const path = "/api/v1/installations/{installation_id}/interactions";
  const { data } = await proxy.POST(path, { params: { path: { installation_id: id } }, body: { input: "Hello!" } });
  return typeof data === "object" ? data.output : data; // a text where events were asked for
}

export async function mistakes(): Promise<void> {
  // @ts-expect-error - the path is not there
  await catalog.GET("/api/v1/dogs");
  // @ts-expect-error - a member that is needed is missing
  await auth.POST("/api/v1/auth/login", { body: { email: "mia@example.com" } });
  // @ts-expect-error - no such permission
  const wish: Installation["schemas"]["InstallationCreation"] = { cat_id: "", instance_name: "", grants: { fly: true } };
  await homes.POST("/api/v1/installations", { body: wish });
  // @ts-expect-error - no such status
  await homes.PATCH("/api/v1/tasks/{task_id}", { params: { path: { task_id: "" } }, body: { status: "done" } });
}
