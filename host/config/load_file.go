package config

import "fmt"

// readSettingsFile reads a TOML file of settings: the variables' names in lower
// case without CODA_, each with a value of its own type.
func readSettingsFile(path string) (layer, error) {
	d, err := readTOML(path)
	if err != nil {
		return layer{}, err
	}
	l := layer{values: map[string]string{}, where: func(key string) string {
		return fmt.Sprintf("%s:%d: %s", path, d.line([]string{key}), key)
	}}
	names := make([]string, 0, len(variables))
	for i := range variables {
		names = append(names, variables[i].Key)
	}
	if err := d.only(d.root, nil, names...); err != nil {
		return l, err
	}
	for key, value := range d.root {
		text, err := scalarText(value)
		if err != nil {
			return l, d.fail([]string{key}, "%v", err)
		}
		if text != "" {
			l.values[key] = text
		}
	}
	return l, nil
}
