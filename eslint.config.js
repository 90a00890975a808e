import sonarjs from 'eslint-plugin-sonarjs';
import tseslint from 'typescript-eslint';

const budgets = {
  // Cognitive, not cyclomatic: long flat code is readable, nesting is not.
  'sonarjs/cognitive-complexity': ['error', 15],
  'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
  'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
  'max-params': ['error', 3],
};

const forbiddenSyntax = [
  {
    selector: 'ExportDefaultDeclaration',
    message: 'Named exports: one name per thing, everywhere.',
  },
  {
    selector: "Property[key.name='shell'][value.value=true]",
    message: 'No shell strings: pass an argument vector.',
  },
  {
    selector:
      "ImportDeclaration[source.value='node:child_process'] ImportSpecifier[imported.name=/^exec(Sync)?$/]",
    message: 'No shell strings: pass an argument vector to spawn or execFile.',
  },
];

export default tseslint.config(
  {
    ignores: [
      'dist/',
      'native/build/',
      '**/*.js',
      '**/*.mjs',
      '**/*.d.mts',
      '**/*.cjs',
      'examples/',
    ],
  },
  ...tseslint.configs.strictTypeChecked,
  {
    files: ['**/*.ts'],
    plugins: { sonarjs },
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      ...budgets,
      'no-warning-comments': 'error',
      'no-restricted-syntax': ['error', ...forbiddenSyntax],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
    },
  },
  {
    files: [
      'compose/**',
      'network/**',
      'volumes/**',
      'native/**',
      'engine/{api,lib,client,registry,build,containers,images,runtime,store}/**',
    ],
    rules: {
      'no-restricted-globals': [
        'error',
        {
          name: 'process',
          message:
            'Take env, cwd and streams as arguments; only cli/ and engine/daemon/ own a process.',
        },
        { name: 'console', message: 'Return warnings; only cli/ and engine/daemon/ print.' },
      ],
    },
  },
  {
    files: ['engine/images/layers.ts', 'engine/images/diff.ts', 'engine/containers/archive.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          name: 'node:fs',
          message: 'Paths below a root go through native, below a directory descriptor.',
        },
        {
          name: 'node:fs/promises',
          message: 'Paths below a root go through native, below a directory descriptor.',
        },
      ],
    },
  },
  {
    files: ['test/**'],
    rules: {
      'max-lines-per-function': ['error', { max: 250, skipBlankLines: true, skipComments: true }],
      // The columns of a table.
      'max-params': 'off',
      'no-restricted-properties': [
        'error',
        { object: 'vi', property: 'mock', message: 'Fakes, never module mocks.' },
        { object: 'test', property: 'only' },
        { object: 'describe', property: 'only' },
        { object: 'it', property: 'only' },
      ],
      'no-restricted-globals': [
        'error',
        { name: 'setTimeout', message: 'Wait for a condition with eventually(), not for a time.' },
      ],
    },
  },
  // vitest loads its configuration by the default export.
  { files: ['test/vitest.config.ts'], rules: { 'no-restricted-syntax': 'off' } },
);
