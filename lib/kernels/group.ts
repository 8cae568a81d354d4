// Kernels of grouping, shuffling and state.
export * from './group-hash';
export * from './group-slices';
export * from './group-predicate';
export * from './group-keys';
export * from './group-table';
export * from './state-table';
export * from './state-growth';
export * from './state-scan';
export * from './state-delta';
export * from './state-run';
export * from './gather';
export * from './join-probe';
