// Uses an Immich server as its own npm client does, through a proxy that wants a custom header on every request.
// Prints one JSON object of what it saw, and exits with 1 at the first thing that is not as it should be.
//
//   IMMICH_URL                               https://photos.example.org
//   IMMICH_EMAIL  IMMICH_PASSWORD            Immich's own login
//   IMMICH_HEADER_NAME  IMMICH_HEADER_VALUE  the custom header; its value is never printed
//   IMMICH_ADDRESS                           HOST:PORT to connect to, for a name that does not resolve here
//   NODE_EXTRA_CA_CERTS                      the authority that signed the server's certificate

import { createHash, randomBytes } from 'node:crypto';
import * as immich from '@immich/sdk';
import { Agent, buildConnector, install, setGlobalDispatcher } from 'undici';

const seen = { step: 'settings' };
const secrets = [process.env.IMMICH_PASSWORD];

class Mismatch extends Error {}

function setting(name) {
  const value = process.env[name];
  if (!value) throw new Mismatch(`${name} is not set`);
  return value;
}

function expectEqual(what, actual, expected) {
  if (actual !== expected) throw new Mismatch(`${what} is ${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`);
}

function connectTo(address) {
  const [, hostname, port] = address.match(/^\[?([^\]]+)\]?:(\d+)$/) ?? [];
  if (!hostname) throw new Mismatch(`IMMICH_ADDRESS is ${address}, not HOST:PORT`);
  const connect = buildConnector({});
  // only where to connect changes: the name stays in TLS and in the Host header
  setGlobalDispatcher(new Agent({ connect: (options, done) => connect({ ...options, hostname, port }, done) }));
}

async function run() {
  const email = setting('IMMICH_EMAIL');
  const password = setting('IMMICH_PASSWORD');
  const baseUrl = new URL('/api', setting('IMMICH_URL')).href;
  install(); // fetch, FormData and the dispatcher must be of one undici
  if (process.env.IMMICH_ADDRESS) connectTo(process.env.IMMICH_ADDRESS);
  // a redirect is a login page: nothing that an app could use
  immich.setFetch((input, options) => fetch(input, { ...options, redirect: 'error' }));
  immich.setBaseUrl(baseUrl);
  if (process.env.IMMICH_HEADER_NAME) {
    const value = setting('IMMICH_HEADER_VALUE');
    secrets.push(value, value.trim().split(/\s+/).at(-1));
    immich.setHeader(process.env.IMMICH_HEADER_NAME, value);
    seen.header = process.env.IMMICH_HEADER_NAME;
  }

  seen.step = 'ping';
  seen.ping = (await immich.pingServer()).res;
  expectEqual('the answer to a ping', seen.ping, 'pong');
  const version = await immich.getServerVersion();
  seen.version = `${version.major}.${version.minor}.${version.patch}`;

  seen.step = 'login';
  const login = await immich.login({ loginCredentialDto: { email, password } });
  secrets.push(login.accessToken);
  // as Immich's app does: its own session has a header of its own, so Authorization is free for the proxy
  immich.setHeader('x-immich-user-token', login.accessToken);
  const user = await immich.getMyUser();
  seen.user = user.email;
  expectEqual('the user', user.id, login.userId);

  seen.step = 'upload';
  const bytes = randomBytes(300_000);
  const sha1 = createHash('sha1').update(bytes);
  const hex = sha1.copy().digest('hex');
  const upload = () =>
    immich.uploadAsset({
      assetMediaCreateDto: {
        assetData: new File([bytes], 'phone.jpg', { type: 'image/jpeg' }),
        fileCreatedAt: '2024-05-01T12:00:00.000Z',
        fileModifiedAt: '2024-05-01T12:00:00.000Z',
      },
    });
  const { id, status } = await upload();
  seen.asset = { id, status, size: bytes.length };
  expectEqual('the status of the upload', status, immich.AssetMediaStatus.Created);
  const again = await upload();
  seen.asset.again = again.status;
  expectEqual('the status of the same upload again', again.status, immich.AssetMediaStatus.Duplicate);
  expectEqual('the asset of the same upload again', again.id, id);

  seen.step = 'download';
  seen.asset.checksum = (await immich.getAssetInfo({ id })).checksum;
  expectEqual('the checksum', seen.asset.checksum, sha1.copy().digest('base64'));
  const original = Buffer.from(await (await immich.downloadAsset({ id })).arrayBuffer());
  seen.asset.downloaded = original.length;
  expectEqual('the SHA-1 of the download', createHash('sha1').update(original).digest('hex'), hex);

  seen.step = 'api key';
  const permissions = [immich.Permission.ApiKeyRead];
  const key = await immich.createApiKey({ apiKeyCreateDto: { name: 'sdk check', permissions } });
  secrets.push(key.secret);
  delete immich.defaults.headers['x-immich-user-token'];
  immich.setApiKey(key.secret);
  const names = (await immich.getApiKeys()).filter((one) => one.id === key.apiKey.id).map((one) => one.name);
  seen.apiKeys = names;
  expectEqual('the number of keys with the new id', names.length, 1);

  seen.step = 'clean up';
  delete immich.defaults.headers['x-api-key'];
  immich.setHeader('x-immich-user-token', login.accessToken);
  await immich.deleteApiKey({ id: key.apiKey.id });
  await immich.deleteAssets({ assetBulkDeleteDto: { ids: [id], force: true } });
  seen.loggedOut = (await immich.logout()).successful;
  expectEqual('the logout', seen.loggedOut, true);
}

function explained(error) {
  const answer = immich.isHttpError(error) ? ` ${error.data?.message ?? String(error.data).slice(0, 200)}` : '';
  const cause = error.cause ? ` (${error.cause.code ?? error.cause.message})` : '';
  // whatever an error quotes, no secret leaves
  return secrets.filter(Boolean).reduce((text, one) => text.replaceAll(one, '***'), `${error.message}${answer}${cause}`);
}

try {
  await run();
  seen.step = 'done';
  seen.ok = true;
} catch (error) {
  seen.ok = false;
  seen.error = explained(error);
  process.exitCode = 1;
}
console.log(JSON.stringify(seen));
