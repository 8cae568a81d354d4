import { expect } from 'chai';
import { decodeCheckedJson, encodeCheckedJson } from '../../lib/checkpoint/checked-json.js';
import { EngineError } from '../../lib/core/errors.js';

const bytes = encodeCheckedJson('sluice-spec', { name: 'käse', n: [1, 2] });

const codeOf = (format: string, data: Uint8Array): string => {
  try {
    decodeCheckedJson(format, data, '/x');
    return 'fine';
  } catch (thrown) {
    return thrown instanceof EngineError ? thrown.code : String(thrown);
  }
};

describe('checked JSON', () => {
  it('reads back what was written', () => {
    expect(decodeCheckedJson('sluice-spec', bytes, '/x')).to.deep.include({ name: 'käse', n: [1, 2], version: 1 });
  });

  it('notices every flipped bit and every cut', () => {
    for (let bit = 0; bit < bytes.byteLength * 8; bit++) {
      const flipped = Uint8Array.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(codeOf('sluice-spec', flipped), `bit ${bit}`).to.equal('checkpointCorrupt');
    }
    for (let size = 0; size < bytes.byteLength; size++) {
      expect(codeOf('sluice-spec', bytes.subarray(0, size)), `${size} bytes`).to.equal('checkpointCorrupt');
    }
  });

  it('refuses another format and a version it does not know', () => {
    expect(codeOf('sluice-other', bytes)).to.equal('checkpointForeign');
    expect(codeOf('sluice-spec', encodeCheckedJson('sluice-spec', { version: 2 }))).to.equal('checkpointForeign');
  });
});
