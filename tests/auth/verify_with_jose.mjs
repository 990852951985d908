// Verifies access tokens as a stranger would: with npm's jose, from the published keys alone.
// node verify_with_jose.mjs FOLDER_OF_JOSE <<< {"jwks", "issuer", "audience", "tokens": {name: token}}
// prints {name: {"subject", "kid"} or {"refused": code}}
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const found = createRequire(join(process.argv[2], "package.json")).resolve("jose");
const { createRemoteJWKSet, jwtVerify } = await import(pathToFileURL(found));

const { jwks, issuer, audience, tokens } = JSON.parse(readFileSync(0, "utf8"));
const keys = createRemoteJWKSet(new URL(jwks));
const expected = { issuer, audience, typ: "at+jwt", algorithms: ["ES256"], maxTokenAge: "1h" };

const results = {};
for (const [name, token] of Object.entries(tokens)) {
  try {
    const { payload, protectedHeader } = await jwtVerify(token, keys, expected);
    results[name] = { subject: payload.sub, kid: protectedHeader.kid };
  } catch (error) {
    results[name] = { refused: error.code };
  }
}
process.stdout.write(JSON.stringify(results));
