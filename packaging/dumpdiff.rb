# Homebrew on Linux: the program reads /proc and uses seccomp.
class Dumpdiff < Formula
  desc "Says what grew and what hangs between memory dumps"
  homepage "@URL@"
  url "@URL@/dumpdiff-@VERSION@.tar.gz"
  sha256 "@SHA256@"
  license "MIT"

  depends_on "pkgconf" => :build
  depends_on "cjson"
  depends_on "elfutils"
  depends_on "libarchive"
  depends_on "libseccomp"
  depends_on :linux
  depends_on "pcre2"
  depends_on "sqlite"
  depends_on "xxhash"
  depends_on "zlib"

  def install
    system "make", "WERROR=", "CC=#{ENV.cc}", "all"
    system "make", "WERROR=", "CC=#{ENV.cc}", "PREFIX=#{prefix}", "install"
    pkgshare.install "demo"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/dumpdiff --version")
    assert_match "Causes", shell_output("#{bin}/dumpdiff diff #{pkgshare}/demo/before #{pkgshare}/demo/after")
  end
end
