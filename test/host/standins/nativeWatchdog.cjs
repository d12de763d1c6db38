// Stands in for @vscode/native-watchdog, which is native and would have to be compiled: ends a process of VS Code's
// server once its parent is gone.
exports.start = (/** @type {number} */ parent) => {
  setInterval(() => {
    try {
      process.kill(parent, 0);
    } catch {
      process.exit(87);
    }
  }, 1000).unref();
};
