import Foundation
import RefrainData
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

  @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full"), "there is no /dev/full"))
  func `says that the disk is full`() {
    let error = dataError { () throws(DataError) in try writeAtomically("x", to: "/dev/full") }
    #expect(error?.code == .diskFull)
  }
}
