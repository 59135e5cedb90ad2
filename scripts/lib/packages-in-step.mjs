// Checks whether node_modules holds what package-lock.json asks for; exit status 0 if so, 1 if not. Plain
// JavaScript, because it runs when nothing is installed yet. npm keeps the list of what it installed in
// node_modules/.package-lock.json and deletes that first when it starts to change anything; packages for
// other platforms are not in it.
import { existsSync, readFileSync } from 'node:fs';

function packages(file) {
  const { '': _self, ...others } = JSON.parse(readFileSync(file, 'utf8')).packages;
  return others;
}

function inStep() {
  const wanted = packages('package-lock.json');
  const installed = packages('node_modules/.package-lock.json');
  const isThere = ([path, { version, integrity, optional }]) => {
    const found = installed[path];
    if (found === undefined) return optional === true;
    return found.version === version && found.integrity === integrity && existsSync(`${path}/package.json`);
  };
  return Object.entries(wanted).every(isThere) && Object.keys(installed).every(path => path in wanted);
}

try {
  process.exitCode = inStep() ? 0 : 1;
} catch {
  process.exitCode = 1;
}
