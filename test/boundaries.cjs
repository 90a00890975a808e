// Which folder may import which (ARCHITECTURE.md, "Direction"). Run by `npm run boundaries`.
const areas =
  'cli|compose|engine/api|engine/client|engine/lib|engine/registry|engine|network|volumes|native';
const upward = (name, from, to) => ({
  name,
  severity: 'error',
  from: { path: from },
  to: { path: to },
});

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'door-only',
      comment: 'An area is entered through its index.ts.',
      severity: 'error',
      from: { path: `^(${areas})/` },
      to: {
        path: '^(compose|network|volumes|native|engine/api|engine/client|engine/lib|engine/registry)/(?!index\\.ts$)',
        pathNot: '^$1/',
      },
    },
    {
      name: 'compose-is-pure',
      comment: 'The world is reached through compose/host.ts and the engine ports.',
      severity: 'error',
      from: { path: '^compose/' },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?(path|crypto|events)(/|$)' },
    },
    {
      name: 'cli-not-daemon',
      severity: 'error',
      from: { path: '^cli/', pathNot: '^cli/commands/daemon\\.ts$' },
      to: { path: '^engine/(?!api/|client/|registry/)|^(network|volumes|native)/' },
    },
    {
      name: 'leaves-import-nothing',
      comment: 'native, engine/api and engine/lib stand at the bottom.',
      severity: 'error',
      from: { path: '^(native|engine/api|engine/lib)/' },
      to: { path: `^(${areas})/`, pathNot: '^$1/' },
    },
    {
      name: 'network-and-volumes',
      severity: 'error',
      from: { path: '^(network|volumes)/' },
      to: { path: `^(${areas})/`, pathNot: '^($1|native|engine/lib)/' },
    },
    {
      name: 'client-speaks-the-contract',
      severity: 'error',
      from: { path: '^engine/client/' },
      to: { path: `^(${areas})/`, pathNot: '^engine/(client|api|lib)/' },
    },
    {
      name: 'registry-speaks-the-contract',
      severity: 'error',
      from: { path: '^engine/registry/' },
      to: { path: `^(${areas})/`, pathNot: '^engine/(registry|api|lib)/' },
    },
    {
      name: 'compose-knows-types-only',
      severity: 'error',
      from: { path: '^compose/' },
      to: { path: `^(${areas})/`, pathNot: '^(compose|engine/api)/' },
    },
    upward(
      'engine-downwards',
      '^engine/store/',
      '^engine/(images|runtime|containers|build|daemon)/',
    ),
    {
      name: 'engine-downwards',
      severity: 'error',
      from: { path: '^engine/(images|runtime)/' },
      to: { path: '^engine/(images|runtime|containers|build|daemon)/', pathNot: '^engine/$1/' },
    },
    upward('engine-downwards', '^engine/containers/', '^engine/(build|daemon|oci)/'),
    {
      name: 'oci-drives-the-runtime',
      comment: 'A program of its own: the shim for whoever has a bundle, without the engine.',
      severity: 'error',
      from: { path: '^engine/oci/' },
      to: { path: `^(${areas})/`, pathNot: '^engine/(oci|runtime|api|lib)/|^native/' },
    },
    {
      name: 'nothing-imports-oci',
      severity: 'error',
      from: { path: `^(${areas})/`, pathNot: '^engine/oci/' },
      to: { path: '^engine/oci/' },
    },
    upward('engine-downwards', '^engine/build/', '^engine/daemon/'),
    upward('compose-downwards', '^compose/model/', '^compose/(load|plan|execute)/'),
    upward('compose-downwards', '^compose/plan/', '^compose/(load|execute)/'),
    upward('compose-downwards', '^compose/load/', '^compose/(plan|execute)/'),
    {
      name: 'nothing-imports-tests',
      severity: 'error',
      from: { path: `^(${areas})/` },
      to: { path: '^(test|examples)/' },
    },
    {
      name: 'no-orphans',
      severity: 'error',
      to: {},
      from: { orphan: true, pathNot: '(^|/)(index|main|dispatch)\\.ts$|^cli/commands/|\\.mjs$' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|node_modules|native/build)' },
    enhancedResolveOptions: { extensions: ['.ts', '.js'] },
  },
};
