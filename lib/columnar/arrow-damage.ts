/** Why a record batch cannot be read, in words that follow "a record batch was wanted". Not for what is the engine's fault. */
export class ArrowDamage extends Error {}
