import Foundation
import RefrainData
import RefrainTestSupport
import Testing

@Suite struct `Writing a file atomically` {
  private func files(in folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
  }

  @Test func `makes it, replaces it and leaves nothing else`() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/" + String(repeating: "n", count: 255)
      try writeAtomically("old", to: path)
      try writeAtomically([0x6E, 0x65, 0x77], to: path)
      #expect(try String(contentsOfFile: path, encoding: .utf8) == "new")
      #expect(try files(in: folder).count == 1)
    }
  }

  @Test func `keeps the permissions of the file it replaces`() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/f"
      try writeAtomically("old", to: path)
      #expect(chmod(path, 0o640) == 0)
      try writeAtomically("new", to: path)
      #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o640)
    }
  }

  @Test func `writes through a symbolic link`() throws {
    try withTemporaryFolder { folder in
      try FileManager.default.createDirectory(atPath: folder + "/in", withIntermediateDirectories: false)
      try writeAtomically("old", to: folder + "/in/f")
      #expect(symlink("in/f", folder + "/link") == 0)
      try writeAtomically("new", to: folder + "/link")
      #expect(try String(contentsOfFile: folder + "/in/f", encoding: .utf8) == "new")
      #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder + "/link") == "in/f")
    }
  }

  @Test func `says that a folder is missing or that the path is one`() throws {
    try withTemporaryFolder { (folder: String) throws in
      let missing = dataError { () throws(DataError) in try writeAtomically("x", to: folder + "/no/f") }
      #expect(
        missing?.description == "\(folder)/no/f: the folder of this file does not exist; make the folder first")
      #expect(dataError { () throws(DataError) in try writeAtomically("x", to: folder) }?.code == .isDirectory)
      #expect(dataError { () throws(DataError) in try writeAtomically("x", to: "") }?.code == .unwritableFile)
      #expect(try files(in: folder).isEmpty)
    }
  }

  @Test(.enabled(if: geteuid() != 0, "the superuser may write anywhere"))
  func `leaves a read-only file and a read-only folder alone`() throws {
    try withTemporaryFolder { folder in
      try writeAtomically("old", to: folder + "/f")
      chmod(folder + "/f", 0o400)
      #expect(
        dataError { () throws(DataError) in try writeAtomically("new", to: folder + "/f") }?.code == .unwritableFile)
      chmod(folder, 0o500)
      defer { chmod(folder, 0o700) }
      #expect(
        dataError { () throws(DataError) in try writeAtomically("new", to: folder + "/g") }?.code == .unwritableFile)
      #expect(try String(contentsOfFile: folder + "/f", encoding: .utf8) == "old")
    }
  }

  @Test func `makes the file that a link without a file points to, and keeps the link`() throws {
    try withTemporaryFolder { folder in
      try FileManager.default.createDirectory(atPath: folder + "/in", withIntermediateDirectories: false)
      #expect(symlink("in/f", folder + "/one") == 0)
      #expect(symlink(folder + "/one", folder + "/two") == 0)
      try writeAtomically("new", to: folder + "/two")
      #expect(try String(contentsOfFile: folder + "/in/f", encoding: .utf8) == "new")
      #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder + "/two") == folder + "/one")
      #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder + "/one") == "in/f")
      // A link to itself, and one into a folder that is not there.
      #expect(symlink("circle", folder + "/circle") == 0)
      #expect(symlink("no/f", folder + "/lost") == 0)
      #expect(
        dataError { () throws(DataError) in try writeAtomically("x", to: folder + "/circle") }?.code == .unwritableFile)
      #expect(
        dataError { () throws(DataError) in try writeAtomically("x", to: folder + "/lost") }?.code == .missingFolder)
    }
  }

  @Test func `removes what killed programs left, and nothing else`() throws {
    try withTemporaryFolder { folder in
      // No process has such a number.
      let left = ".refrain-999999999-1.tmp"
      let kept = [".refrain-\(getpid())-7.tmp", ".refrain-x-1.tmp", ".refrain-999999999-1", "a.tmp"]
      for name in [left] + kept { try Data([1]).write(to: URL(fileURLWithPath: folder + "/" + name)) }
      // Another program writes this one now.
      let busy = folder + "/.refrain-999999999-2.tmp"
      let descriptor = open(busy, O_WRONLY | O_CREAT, 0o600)
      defer { close(descriptor) }
      #expect(flock(descriptor, LOCK_EX) == 0)
      try writeAtomically("new", to: folder + "/f")
      #expect(try Set(files(in: folder)) == Set(kept + ["f", ".refrain-999999999-2.tmp"]))
    }
  }

  @Test func `refuses pipes and devices at once`() throws {
    try withTemporaryFolder { folder in
      #expect(mkfifo(folder + "/pipe", 0o600) == 0)
      for path in [folder + "/pipe", "/dev/null", "/dev/full"] where access(path, F_OK) == 0 {
        let error = dataError { () throws(DataError) in try writeAtomically("x", to: path) }
        #expect(error?.code == .unwritableFile && error?.problem.contains("a pipe or a device") == true)
      }
      try writeAtomically("", to: "/dev/stderr")
      // One that is read is nothing to write to.
      let read = open("/dev/zero", O_RDONLY)
      defer { close(read) }
      let error = dataError { () throws(DataError) in try writeAtomically("x", to: "/dev/fd/\(read)") }
      #expect(error?.problem.contains("a pipe or a device") == true)
    }
  }

  @Test func `goes on with a stream that leads to a file`() throws {
    try withTemporaryFolder { folder in
      let descriptor = open(folder + "/log", O_WRONLY | O_CREAT, 0o600)
      defer { close(descriptor) }
      #expect(write(descriptor, "before\n", 7) == 7)
      for root in ["/dev/fd/", "/proc/self/fd/"] where access(root, F_OK) == 0 {
        try writeAtomically(root + "\n", to: root + "\(descriptor)")
      }
      #expect(write(descriptor, "after\n", 6) == 6)
      let text = try String(contentsOfFile: folder + "/log", encoding: .utf8)
      #expect(text.hasPrefix("before\n/dev/fd/\n") && text.hasSuffix("\nafter\n"))
      #expect(try files(in: folder) == ["log"])
    }
  }
}
