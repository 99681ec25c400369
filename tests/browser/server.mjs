// A server process under test, on a data directory of its own.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";

const START_DEADLINE_MS = 30_000;
const API_KEY = "browser-test-key";
const SANDBOX_API_KEY = "browser-test-sandbox-key";

/** Where `cargo xtask test` says something is. */
export function given(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; \`cargo xtask test\` sets it`);
  return value;
}

export class Server {
  #process;
  #folder;
  #log = "";

  /** A server that listens, empty as on its first day; `more` are options of its own. */
  static async start(more = []) {
    const server = new Server();
    server.#folder = mkdtempSync(path.join(tmpdir(), "stipend-browser-"));
    const data = path.join(server.#folder, "data");
    const command = ["serve", "--data-dir", data, "--listen", "127.0.0.1:0", ...more];
    const env = {
      ...process.env,
      STIPEND_BOOTSTRAP_API_KEY: API_KEY,
      STIPEND_BOOTSTRAP_SANDBOX_API_KEY: SANDBOX_API_KEY,
    };
    server.#process = spawn(given("E2E_BINARY"), command, { env });
    await server.#lines();
    return server;
  }

  /** Waits for the address on standard output and for the link that sets the dashboard up. */
  async #lines() {
    const deadline = AbortSignal.timeout(START_DEADLINE_MS);
    const found = (stream, pattern, keep) => new Promise((resolve, reject) => {
      const fail = () => reject(new Error(`the server did not start:\n${this.#log}`));
      deadline.addEventListener("abort", fail);
      this.#process.once("error", reject);
      this.#process.once("exit", fail);
      createInterface({ input: stream }).on("line", (line) => {
        if (keep) this.#log += `${line}\n`;
        const match = pattern.exec(line);
        if (match) resolve(match[1]);
      });
    });
    [this.url, this.setUpLink] = await Promise.all([
      found(this.#process.stdout, /^listening on (http:\/\/\S+)/, false),
      found(this.#process.stderr, /^dashboard \(set it up within the hour\): (\S+)/, true),
    ]);
  }

  /** Calls the API as the program of a customer of Stipend does. */
  post(address, body, key) {
    return this.send("POST", address, body, key);
  }

  /** Calls the API with another method, or with another key. */
  async send(method, address, body, key = API_KEY) {
    const answer = await fetch(this.url + address, {
      method,
      headers: { "x-api-key": key, "content-type": "application/json" },
      body: body && JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${address}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }

  /** Ends the server as a service manager does; it must end well. */
  async stop() {
    const ended = new Promise((resolve) => { this.#process.once("exit", resolve); });
    this.#process.kill("SIGTERM");
    const code = await ended;
    rmSync(this.#folder, { recursive: true });
    if (code !== 0) throw new Error(`the server ended with ${code}:\n${this.#log}`);
  }
}
