// An OpenID provider on npm `oidc-provider`: hands out access tokens for client credentials. Prints
// `listening 127.0.0.1:PORT` once it answers.
//
//     node issuer.cjs PORT ALGORITHM FOLDER KEY...
//
// It signs with the first KEY and publishes all of them. FOLDER keeps them, so that a key of the same name is the same
// in the next process; port 0 takes a free one.

const { createServer } = require("node:http");
const { generateKeyPairSync } = require("node:crypto");
const { existsSync, readFileSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");
const { pathToFileURL } = require("node:url");

const [port, algorithm, folder, ...names] = process.argv.slice(2);

function key(name) {
  const file = join(folder, `${name}.json`);
  if (!existsSync(file)) {
    const { privateKey } =
      algorithm === "ES256"
        ? generateKeyPairSync("ec", { namedCurve: "P-256" })
        : generateKeyPairSync("rsa", { modulusLength: 2048 });
    const jwk = { ...privateKey.export({ format: "jwk" }), kid: name, use: "sig", alg: algorithm };
    writeFileSync(file, JSON.stringify(jwk));
  }
  return JSON.parse(readFileSync(file, "utf8"));
}

async function main() {
  // The package is an ES module, which a look-up through NODE_PATH does not find.
  const { Provider } = await import(pathToFileURL(require.resolve("oidc-provider")));
  const server = createServer();
  await new Promise((listening) => server.listen(Number(port), "127.0.0.1", listening));
  const address = `127.0.0.1:${server.address().port}`;
  const provider = new Provider(`http://${address}`, {
    clients: [
      {
        client_id: "device",
        client_secret: "secret",
        grant_types: ["client_credentials"],
        redirect_uris: [],
        response_types: [],
        id_token_signed_response_alg: algorithm,
      },
    ],
    jwks: { keys: names.map(key) },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context, resource) => ({
          scope: "chat",
          audience: resource,
          accessTokenFormat: "jwt",
          jwt: { sign: { alg: algorithm } },
        }),
      },
    },
  });
  server.on("request", provider.callback());
  console.log(`listening ${address}`);
}

main();
