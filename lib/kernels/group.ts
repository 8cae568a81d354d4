export function groupVersion(): i32 { return 1; }
