// Stands in for @vscode/spdlog, which is native and would have to be compiled: without it VS Code's server writes no log
// files and every output channel stays empty. VS Code imports it from ESM, so each name is an `exports.NAME =` line.
const { appendFileSync, mkdirSync } = require('node:fs');
const { dirname } = require('node:path');

const levels = ['trace', 'debug', 'info', 'warning', 'error', 'critical'];
let level = 2;

class Logger {
  #file;
  #level = level;
  #isBare = false;

  /**
   * @param {string} _kind
   * @param {string} _name
   * @param {string} file
   */
  constructor(_kind, _name, file) {
    this.#file = file;
    mkdirSync(dirname(file), { recursive: true });
  }

  /** @type {(at: number, message: string) => void} */
  #write(at, message) {
    if (at < this.#level) return;
    const time = new Date().toISOString().replace('T', ' ').replace('Z', '');
    appendFileSync(this.#file, this.#isBare ? message : `${time} [${levels[at]}] ${message}\n`);
  }

  trace = (/** @type {string} */ message) => this.#write(0, message);
  debug = (/** @type {string} */ message) => this.#write(1, message);
  info = (/** @type {string} */ message) => this.#write(2, message);
  warn = (/** @type {string} */ message) => this.#write(3, message);
  error = (/** @type {string} */ message) => this.#write(4, message);
  critical = (/** @type {string} */ message) => this.#write(5, message);
  getLevel = () => this.#level;
  setLevel = (/** @type {number} */ value) => {
    this.#level = value;
  };
  clearFormatters = () => {
    this.#isBare = true;
  };
  setPattern() {}
  flush() {}
  drop() {}
}

/** @type {(name: string, file: string) => Promise<Logger>} */
const createLogger = async (name, file) => new Logger('rotating', name, file);

exports.version = 1;
exports.Logger = Logger;
exports.createRotatingLogger = createLogger;
exports.createAsyncRotatingLogger = createLogger;
exports.setFlushOn = () => undefined;
exports.setLevel = (/** @type {number} */ value) => {
  level = value;
};
