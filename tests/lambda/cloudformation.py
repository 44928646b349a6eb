"""A CloudFormation template as CloudFormation would see it: read with its tags, its rules and conditions worked out for given
parameters, its functions replaced by what they give. What AWS itself would say of a value is not known here.

What is a name of AWS's making, as a bucket's, reads <LogicalId>, and an attribute <LogicalId.Attribute>.
"""
import re

import yaml

PSEUDO = {'AWS::Partition': 'aws', 'AWS::Region': 'eu-west-1', 'AWS::AccountId': '123456789012', 'AWS::URLSuffix': 'amazonaws.com',
          'AWS::StackName': 'stack', 'AWS::StackId': 'arn:aws:cloudformation:eu-west-1:123456789012:stack/stack/1'}
NO_VALUE = object()


class Wrong(Exception):
    """The template is none, or speaks of what is not there."""


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's tags. An alias and a key that stands twice are refused, as CloudFormation does."""

    def compose_node(self, parent, index):
        if self.check_event(yaml.AliasEvent):
            raise Wrong(f'line {self.peek_event().start_mark.line + 1}: an alias')
        return super().compose_node(parent, index)

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep) for key, _ in node.value]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            raise Wrong(f'line {node.start_mark.line + 1}: {twice} twice')
        return super().construct_mapping(node, deep)

    def function(self, suffix, node):
        if isinstance(node, yaml.ScalarNode):
            value = self.construct_scalar(node)
        elif isinstance(node, yaml.SequenceNode):
            value = self.construct_sequence(node, deep=True)
        else:
            value = self.construct_mapping(node, deep=True)
        if suffix == 'GetAtt' and isinstance(value, str):
            value = value.split('.', 1)
        return {suffix if suffix in ('Ref', 'Condition') else f'Fn::{suffix}': value}


Loader.add_multi_constructor('!', Loader.function)


def load(path):
    with open(path, encoding='utf-8') as file:
        return yaml.load(file, Loader)


class Stack:
    """The template with these parameters; the others have their defaults."""

    def __init__(self, template, **parameters):
        self.template = template
        unknown = set(parameters) - set(template['Parameters'])
        if unknown:
            raise Wrong(f'no such parameters: {unknown}')
        self.values = {name: str(parameters.get(name, said.get('Default', ''))) for name, said in template['Parameters'].items()}
        self.resources = {name for name, said in template['Resources'].items() if self.is_on(said)}

    def is_on(self, said):
        return 'Condition' not in said or self.condition(said['Condition'])

    def condition(self, name):
        return self.truth(self.template['Conditions'][name])

    def truth(self, said):
        """Of a condition's or rule's expression."""
        (function, value), = said.items()
        if function == 'Condition':
            return self.condition(value)
        if function == 'Fn::Equals':
            return str(self.value(value[0])) == str(self.value(value[1]))
        if function == 'Fn::Not':
            return not self.truth(value[0])
        if function in ('Fn::And', 'Fn::Or'):
            return (all if function == 'Fn::And' else any)([self.truth(each) for each in value])
        raise Wrong(f'{function} in a condition')

    def refusals(self):
        """What the rules say against these parameters, and the parameters' own constraints."""
        said = [each['AssertDescription'] for rule in self.template['Rules'].values() if self.truth(rule['RuleCondition'])
                for each in rule['Assertions'] if not self.truth(each['Assert'])]
        for name, constraint in self.template['Parameters'].items():
            value = self.values[name]
            if (not re.search(constraint.get('AllowedPattern', ''), value)
                    or value not in map(str, constraint.get('AllowedValues', [value]))
                    or not float(constraint.get('MinValue', '-inf')) <= float(value if 'MinValue' in constraint else 0)
                    or not float(constraint.get('MaxValue', 'inf')) >= float(value if 'MaxValue' in constraint else 0)):
                said.append(f'{name} {constraint["ConstraintDescription"]}')
        return said

    def value(self, node):
        """What CloudFormation puts in the place of this; NO_VALUE where that is nothing."""
        if isinstance(node, list):
            return [value for value in map(self.value, node) if value is not NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            (function, said), = node.items()
            if function == 'Ref':
                return self.reference(said)
            if function.startswith('Fn::'):
                return self.call(function.removeprefix('Fn::'), said)
        found = {key: self.value(value) for key, value in node.items()}
        return {key: value for key, value in found.items() if value is not NO_VALUE}

    def reference(self, name):
        if name == 'AWS::NoValue':
            return NO_VALUE
        if name in self.values or name in PSEUDO:
            return self.values.get(name, PSEUDO.get(name))
        return self.made(name, f'<{name}>')

    def made(self, name, value):
        if name not in self.resources:
            raise Wrong(f'{name} is ' + ('not made' if name in self.template['Resources'] else 'nothing'))
        return value

    def call(self, function, said):
        if function == 'GetAtt':
            return self.made(said[0], '<' + '.'.join(said) + '>')
        if function == 'If':
            return self.value(said[1 if self.condition(said[0]) else 2])
        if function == 'Sub':
            text, more = (said, {}) if isinstance(said, str) else said
            more = {name: self.value(value) for name, value in more.items()}
            return re.sub(r'\$\{([^}!]+)\}', lambda found: str(more[found[1]] if found[1] in more else self.named(found[1])), text)
        raise Wrong(f'Fn::{function}')

    def named(self, name):
        return self.call('GetAtt', name.split('.', 1)) if '.' in name else self.reference(name)

    def properties(self, name):
        self.made(name, None)
        return self.value(self.template['Resources'][name].get('Properties', {}))

    def of_type(self, kind):
        """{logical id: properties} of the resources that are made."""
        return {name: self.properties(name) for name, said in self.template['Resources'].items()
                if said['Type'] == kind and name in self.resources}

    def all_values(self):
        """Every resource and output that is on, worked out: Wrong if one speaks of what is not there."""
        for name in sorted(self.resources):
            self.properties(name)
            depends = self.template['Resources'][name].get('DependsOn', [])
            for other in [depends] if isinstance(depends, str) else depends:
                self.made(other, None)
        return {name: self.value(said['Value']) for name, said in self.template['Outputs'].items() if self.is_on(said)}
