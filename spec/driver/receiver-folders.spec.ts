import { expect } from 'chai';
import { text } from '../../lib/core/format.js';
import { buildGraph, job } from '../../lib/api/job.js';
import { receiverFolders } from '../../lib/driver/receiver-folders.js';

describe('receiverFolders', () => {
  it('gives each receiver a folder of its own below the checkpoint, whatever it is called', () => {
    const ids = ['__proto__', 'constructor', '../../x', '/etc', '..', 'a\0b', 'A', 'a'];
    const { plan } = buildGraph(
      job('ids', {}, ssc => {
        for (const id of ids) ssc.httpStream({ port: 0, format: text(), id }).print();
      }),
      {},
      1,
    );
    const { bySource, durable } = receiverFolders(plan, '/checkpoint');
    expect(durable).to.equal(true);
    expect(Object.keys(bySource).toSorted()).to.deep.equal(ids.toSorted());
    const paths = ids.map(id => (Object.hasOwn(bySource, id) ? bySource[id] : undefined));
    for (const path of paths) expect(path).to.match(/^\/checkpoint\/receivers\/[a-z0-9_%-]+$/);
    expect(new Set(paths).size).to.equal(ids.length);
  });
});
