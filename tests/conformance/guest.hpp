// The files of the virtual machine in which the recordings were made, in a directory of this
// machine: busybox, the few files that the recordings name, and devices, /proc and /sys as a guest
// has them. Local programs run there by chroot, so that "/bin/sh" of a recording is busybox's sh,
// as it was then.

#ifndef MOCK_HYPERSTART_TESTS_CONFORMANCE_GUEST_HPP_
#define MOCK_HYPERSTART_TESTS_CONFORMANCE_GUEST_HPP_

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

/// Gives this process mounts and a host name of its own; why it can't, or nothing. To be called
/// before there are threads.
inline std::string EnterOwnMounts() {
  static constexpr std::string_view kHostname = "h";  // of every recording
  if (::unshare(CLONE_NEWNS | CLONE_NEWUTS) != 0 ||
      ::mount("none", "/", "none", MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::sethostname(kHostname.data(), kHostname.size()) != 0) {
    return std::string("it takes root to give a guest mounts of its own: ") + std::strerror(errno);
  }
  return {};
}

/// Where a static busybox is; "" where it is not installed (Debian: busybox-static).
inline std::string FindBusybox() {
  for (const char* const path : {"/usr/bin/busybox", "/bin/busybox"}) {
    if (::access(path, X_OK) == 0) return path;
  }
  return {};
}

class Guest {
 public:
  explicit Guest(const std::string& busybox) {
    std::string name = std::filesystem::temp_directory_path() / "guest-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp " + name);
    root_ = name;
    ::chmod(name.c_str(), 0755);
    for (const char* const directory : {"bin", "sbin", "usr/bin", "usr/sbin", "etc", "tmp", "root",
                                        "home/app", "proc", "sys", "dev/pts", "var"}) {
      std::filesystem::create_directories(root_ / directory);
    }
    std::filesystem::copy_file(busybox, root_ / "bin/busybox");
    for (const std::string& applet : Applets(busybox)) {
      const std::filesystem::path link = root_ / "bin" / applet;
      if (applet != "busybox") std::filesystem::create_symlink("/bin/busybox", link);
    }
    Write("etc/passwd", "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/home/app:/bin/sh\n");
    Write("etc/group", "root:x:0:\ntty:x:5:\napp:x:1000:\nextra:x:2000:app\n");
    Write("etc/hello", "hello file\n");
    Write("etc/empty", "");
    // What virtio-09e-exec-status-kinds executes.
    Write("bin/badelf", "\177ELFgarbage-not-an-elf\n", 0755);
    Write("bin/badinterp", "#!/no/such/interpreter\n", 0755);
    Write("bin/noshebang", "echo hi from headless script\n", 0755);
    Write("bin/emptybin", "", 0755);
    std::filesystem::create_symlink("/bin/loopb", root_ / "bin/loopa");
    std::filesystem::create_symlink("/bin/loopa", root_ / "bin/loopb");
    Mount("proc", "proc", "proc", nullptr);
    Mount("sysfs", "sys", "sysfs", nullptr);
    Mount("devpts", "dev/pts", "devpts", "newinstance,ptmxmode=0666");
    for (const char* const device : {"null", "zero", "tty"}) {
      Write(std::string("dev/") + device, "");
      const std::string from = std::string("/dev/") + device;
      if (::mount(from.c_str(), (root_ / "dev" / device).c_str(), nullptr, MS_BIND, nullptr) == 0) {
        mounted_.push_back(root_ / "dev" / device);
      }
    }
  }
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;
  ~Guest() {
    for (auto path = mounted_.rbegin(); path != mounted_.rend(); ++path) {
      ::umount2(path->c_str(), MNT_DETACH);
    }
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }

  std::string root() const { return root_.string(); }

 private:
  static std::vector<std::string> Applets(const std::string& busybox) {
    const std::unique_ptr<FILE, int (*)(FILE*)> list(::popen((busybox + " --list").c_str(), "r"),
                                                     &::pclose);
    std::vector<std::string> applets;
    char line[256];
    while (list && std::fgets(line, sizeof(line), list.get()) != nullptr) {
      applets.emplace_back(line, std::strcspn(line, "\n"));
    }
    return applets;
  }
  void Write(const std::string& name, std::string_view text, mode_t mode = 0644) const {
    std::ofstream(root_ / name) << text;
    ::chmod((root_ / name).c_str(), mode);
  }
  void Mount(const char* what, const char* where, const char* type, const char* options) {
    if (::mount(what, (root_ / where).c_str(), type, 0, options) != 0) {
      throw std::runtime_error(std::string("mount ") + where + ": " + std::strerror(errno));
    }
    mounted_.push_back(root_ / where);
  }

  std::filesystem::path root_;
  std::vector<std::filesystem::path> mounted_;
};

#endif  // MOCK_HYPERSTART_TESTS_CONFORMANCE_GUEST_HPP_
