package config

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
)

// AllowedEnv is the environment variable that names the variables passwordEnv
// may name, and SecretsFolder the one that names the folder of passwordFile.
// Both are the operator's: who writes a rule may not read what else eKuiper's
// environment and the machine's files hold.
const (
	AllowedEnv    = "EKUIPER_MYSQL_ALLOWED_ENV"
	SecretsFolder = "EKUIPER_MYSQL_SECRETS"
)

const (
	usualEnv     = "MYSQL_*"
	usualSecrets = "/run/secrets"
)

// accessProperties say who connects.
var accessProperties = []Property{
	{
		Name: "user", Type: "string", Default: "", Allowed: "a user's name, the same as in the url if that has one",
		Label: Text{"User", "用户"},
		Hint: Text{
			"The database's user, where the url names none.",
			"数据库用户，用于 url 中未写用户时。",
		},
		read: readUser,
	},
	{
		Name: "password", Type: "string", Default: "", Secret: true, Allowed: "a text",
		Label: Text{"Password", "密码"},
		Hint: Text{
			"The user's password as it is, nothing encoded. eKuiper shows a rule's properties to all who may read the rule: better use passwordFile, passwordEnv or a configuration that eKuiper keeps (docs/connections.md).",
			"用户密码，原样填写，无需编码。eKuiper 会向所有可读取规则的人显示规则的属性：建议使用 passwordFile、passwordEnv 或 eKuiper 保存的配置（见 docs/connections.md）。",
		},
		read: readPassword,
	},
	{
		Name: "passwordEnv", Type: "string", Default: "",
		Allowed: "the name of an environment variable that is set and that the operator allows: " + usualEnv + ", or what " + AllowedEnv + " lists",
		Label:   Text{"Password's variable", "密码环境变量"},
		Hint: Text{
			"The environment variable of eKuiper that holds the password. Its name must begin with MYSQL_, or fit what the operator has put into " + AllowedEnv + ", e.g. MYSQL_*,PLANT_DB_PASSWORD.",
			"保存密码的 eKuiper 环境变量。名称须以 MYSQL_ 开头，或符合运维人员在 " + AllowedEnv + " 中列出的名称，例如 MYSQL_*,PLANT_DB_PASSWORD。",
		},
		read: readPasswordEnv,
	},
	{
		Name: "passwordFile", Type: "string", Default: "",
		Allowed: "the name of a file in the operator's folder, " + usualSecrets + " or the one that " + SecretsFolder + " names",
		Label:   Text{"Password's file", "密码文件"},
		Hint: Text{
			"The file that holds the password, as secrets of Docker and Kubernetes are, below " + usualSecrets + " or the folder that the operator has named in " + SecretsFolder +
				". It is read for each new connection, so that a changed password is used without a restart. Line ends at its end are not part of it.",
			"保存密码的文件（如 Docker 与 Kubernetes 的 secret），位于 " + usualSecrets + " 或运维人员在 " + SecretsFolder +
				" 中指定的目录下。每次建立连接时读取，因此更换密码无需重启。文件末尾的换行不属于密码。",
		},
		read: readPasswordFile,
	},
}

func readUser(r *reader, p Property, name string, v any) {
	s, ok := v.(string)
	d := r.config.Driver
	switch {
	case !ok || strings.ContainsRune(s, 0) || addressLike(s):
		r.refuse(p, name, v)
	case s == "":
	case d.User != "" && d.User != s:
		r.fail("property %s: another one than the url's; allowed: one of them", name)
	default:
		d.User = s
	}
}

func readPassword(r *reader, p Property, name string, v any) {
	s, ok := v.(string)
	if !ok || strings.ContainsRune(s, 0) {
		r.refuse(p, name, v)
		return
	}
	if s != "" {
		r.password, r.passwords = s, r.passwords+1
	}
}

// OfEnvironment tells whether an error of Parse, or of reading a password, is
// about what the process's own environment decides: another process, such as
// eKuiper's plugin beside the command line, may find it right.
func OfEnvironment(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "property passwordEnv: ") || strings.Contains(err.Error(), "property passwordFile: "))
}

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func readPasswordEnv(r *reader, p Property, name string, v any) {
	s, ok := v.(string)
	switch {
	case ok && s == "":
		return
	case !ok || !envName.MatchString(s):
		// A password that stands here by mistake must not show.
		r.fail("property %s: not the name of an environment variable; allowed: %s", name, p.Allowed)
	case !envAllowed(s):
		r.fail("property %s: %s is not among the variables that the operator allows; allowed: %s", name, describe(s), p.Allowed)
	case os.Getenv(s) == "":
		r.fail("property %s: the variable %s is not set, or empty, in eKuiper's environment; allowed: %s", name, describe(s), p.Allowed)
	default:
		r.config.Link.Secret.Env = s
	}
	r.passwords++
}

// envAllowed tells whether the operator lets rules use the variable.
func envAllowed(name string) bool {
	patterns := os.Getenv(AllowedEnv)
	if patterns == "" {
		patterns = usualEnv
	}
	fold := func(s string) string { return s }
	if runtime.GOOS == "windows" { // where the system does not tell them apart
		fold = strings.ToUpper
	}
	for pattern := range strings.SplitSeq(patterns, ",") {
		if ok, err := path.Match(fold(strings.TrimSpace(pattern)), fold(name)); ok && err == nil {
			return true
		}
	}
	return false
}

func readPasswordFile(r *reader, p Property, name string, v any) {
	s, ok := v.(string)
	if ok && s == "" {
		return
	}
	r.passwords++
	folder := os.Getenv(SecretsFolder)
	if folder == "" && runtime.GOOS != "windows" {
		folder = usualSecrets
	}
	if !ok || strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c == 0x7f }) || len(s) > 1024 || holdsAddress(s) {
		r.fail("property %s: not the name of a file; allowed: %s", name, p.Allowed)
		return
	}
	if folder == "" {
		r.fail("property %s: the operator has named no folder for secrets; allowed: with the environment variable %s", name, SecretsFolder)
		return
	}
	file, ok := below(folder, s)
	if !ok {
		r.fail("property %s: %s is not in the operator's folder %s; allowed: %s", name, describe(s), folder, p.Allowed)
		return
	}
	r.config.Link.Secret.Folder, r.config.Link.Secret.File = folder, file
}

// below returns the path of a file below folder, which name gives from there
// or whole. A service account's token is no password of a database.
func below(folder, name string) (string, bool) {
	name = filepath.FromSlash(name)
	if filepath.IsAbs(name) {
		rest, err := filepath.Rel(folder, filepath.Clean(name))
		if err != nil {
			return "", false
		}
		name = rest
	}
	name = filepath.Clean(name)
	first, _, _ := strings.Cut(filepath.ToSlash(name), "/")
	return name, filepath.IsLocal(name) && name != "." && first != "kubernetes.io"
}
