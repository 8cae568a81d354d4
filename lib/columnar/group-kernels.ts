export interface GroupKernels { groupVersion(): number }
