import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'microsoft-edge'];
const elsewhere = [
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  'C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe',
];

/**
 * The browser that shows the workbench in tests: the one the variable CHROMIUM names, else one that is installed.
 * @returns {string | undefined} its executable
 */
export function findChromium() {
  const named = process.env.CHROMIUM;
  if (named !== undefined) return named;
  const onPath = (process.env.PATH ?? '').split(delimiter).flatMap((dir) => names.map((name) => join(dir, name)));
  return [...onPath, ...elsewhere].find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Debian's Vulkan loader; with the software driver in the chromium package it is a GPU for tests. */
const vulkanLoaders = ['/usr/lib/x86_64-linux-gnu/libvulkan.so.1', '/usr/lib/aarch64-linux-gnu/libvulkan.so.1'];

/**
 * Whether tests of the WebGPU device can run on a machine without a GPU; elsewhere than on Linux they use what is there.
 * @returns {boolean} whether nothing is missing
 */
export function hasVulkanLoader() {
  return process.platform !== 'linux' || vulkanLoaders.some((file) => existsSync(file));
}

/**
 * Installs Debian's chromium and Vulkan loader where apt is at hand and this user may use it.
 * @returns {boolean} whether a browser is there now
 */
export function installChromium() {
  const isRoot = process.getuid?.() === 0;
  /** @param {string[]} args */
  const apt = (args) => {
    const [command, ...rest] = isRoot ? ['apt-get', ...args] : ['sudo', '-n', 'apt-get', ...args];
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    return (
      spawnSync(/** @type {string} */ (command), rest, { stdio: ['ignore', 'ignore', 'inherit'], env }).status === 0
    );
  };
  if (process.platform !== 'linux' || !apt(['-qq', 'update'])) return false;
  return (
    apt(['-qq', 'install', '-y', '--no-install-recommends', 'chromium', 'libvulkan1']) && findChromium() !== undefined
  );
}
