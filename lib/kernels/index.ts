// The one entry of the kernel module: everything exported here is a plain function on addresses and lengths.
export * from './scan';
export * from './group';
export * from './write';
export * from './text';
