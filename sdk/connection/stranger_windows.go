package connection

import (
	"fmt"
	"net"

	"golang.org/x/sys/windows"
)

// onlyUs is the security descriptor of a pipe for the user that runs this
// process, the system and administrators. The usual one lets everybody read.
// It is "", the usual one, where the user is not known.
func onlyUs() string {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return ""
	}
	return "D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;GA;;;" + user.User.Sid.String() + ")"
}

// vet returns an error that is ErrStranger where another user has made the pipe
// that conn leads to: not who runs this process, the system or an
// administrator. Where the system does not tell, there is no error.
func vet(conn net.Conn) error {
	file, ok := conn.(interface{ Fd() uintptr })
	if !ok {
		return nil
	}
	d, err := windows.GetSecurityInfo(windows.Handle(file.Fd()), windows.SE_KERNEL_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		return nil
	}
	owner, _, err := d.Owner()
	if err != nil || owner == nil || owner.IsWellKnown(windows.WinLocalSystemSid) || owner.IsWellKnown(windows.WinBuiltinAdministratorsSid) {
		return nil
	}
	token := windows.GetCurrentProcessToken()
	user, err := token.GetTokenUser()
	if err != nil || owner.Equals(user.User.Sid) {
		return nil
	}
	// Wine has the group own what a user makes; on Windows it never does.
	group, err := token.GetTokenPrimaryGroup()
	if err != nil || owner.Equals(group.PrimaryGroup) {
		return nil
	}
	return fmt.Errorf("user %s has made the pipe: %w", owner, ErrStranger)
}

// Exposed returns "": pipes lie in no folder.
func Exposed() string { return "" }
