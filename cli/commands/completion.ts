import { defineCommand, type Command } from '../command.ts';

interface CompletionRequest {
  readonly shell?: string;
}

/** Each asks the program itself, so that they never know less than it does; without an answer the shell offers files. */
const scripts: Readonly<Record<string, string>> = {
  bash: `_tscompose() {
  local IFS=$'\\n'
  COMPREPLY=($(tscompose __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f1))
}
complete -o default -o bashdefault -F _tscompose tscompose
`,
  zsh: `#compdef tscompose
_tscompose() {
  local -a found
  local line
  for line in "\${(@f)$(tscompose __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    [[ -n $line ]] && found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done
  if (( \${#found} )); then _describe tscompose found; else _files; fi
}
compdef _tscompose tscompose
if [[ \${funcstack[1]} == _tscompose ]]; then _tscompose; fi
`,
  fish: `function __tscompose_complete
  set -l words (commandline -opc) (commandline -ct)
  tscompose __complete -- $words[2..-1] 2>/dev/null
end
complete -c tscompose -a '(__tscompose_complete)'
`,
};

export const completionCommand: Command = defineCommand<CompletionRequest>({
  name: 'completion',
  summary: 'print what makes a shell complete commands, options and names',
  arguments: [{ name: '<shell>', description: 'bash, zsh or fish' }],
  options: { shell: null },
  examples: [
    'tscompose completion bash > /etc/bash_completion.d/tscompose',
    'tscompose completion fish > ~/.config/fish/completions/tscompose.fish',
  ],
  run: async ({ shell = '' }, context) => {
    const { CliError } = await import('../cli-error.ts');
    const script = Object.hasOwn(scripts, shell) ? scripts[shell] : undefined;
    if (script === undefined) {
      throw new CliError(`there is no completion for "${shell}"`, {
        hint: `there is one for ${Object.keys(scripts).join(', ')}`,
      });
    }
    await context.ui.stdout.write(script);
    return undefined;
  },
});
