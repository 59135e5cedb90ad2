export const explainedDisk = {};
export const explainedNode = {};
