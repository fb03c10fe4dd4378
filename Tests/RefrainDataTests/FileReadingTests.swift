import Foundation
import RefrainTestSupport
import Testing

@testable import RefrainData

@Suite struct `Reading a file` {
  @Test func `that another program shortens is an error`() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/f"
      try writeAtomically([UInt8](repeating: 7, count: 100_000), to: path)
      let file = try OpenFile(path)
      #expect(try file.read(0..<100_000).count == 100_000)
      #expect(truncate(path, 10) == 0)
      #expect(dataError { () throws(DataError) in try file.read(0..<100_000) }?.code == .unreadableFile)
      #expect(dataError { () throws(DataError) in try file.checkUnchanged() }?.code == .unreadableFile)
      #expect(dataError { () throws(DataError) in try file.readAll() }?.problem.contains("changed") == true)
    }
  }

  @Test func `that another program writes to is an error`() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/f"
      try writeAtomically([1, 2, 3], to: path)
      let file = try OpenFile(path)
      try file.checkUnchanged()
      var times = [timeval(tv_sec: 1, tv_usec: 0), timeval(tv_sec: 1, tv_usec: 0)]
      #expect(utimes(path, &times) == 0)
      #expect(dataError { () throws(DataError) in try file.checkUnchanged() }?.code == .unreadableFile)
      // Replacing it is none: what was opened stays. Nor is a second name, nor are other rights.
      let other = try OpenFile(path)
      usleep(30_000)
      #expect(link(path, folder + "/second") == 0 && chmod(path, 0o600) == 0)
      try other.checkUnchanged()
      try writeAtomically([4, 5], to: path)
      #expect(unlink(folder + "/second") == 0)
      #expect(try other.readAll() == [1, 2, 3])
    }
  }

  @Test func `larger than the memory budget is refused`() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/f"
      try writeAtomically([UInt8](repeating: 7, count: 5000), to: path)
      try MemoryBudget(10_000).run { () throws -> Void in
        #expect(try readFile(path).count == 5000)
        #expect(try readFile(path).count == 5000)
        let error = dataError { () throws(DataError) in try readFile(path) }
        #expect(error?.code == .overMemoryBudget && error?.file == path)
      }
      // What is not a run has a budget of its own each time.
      #expect(try readFile(path).count == 5000)
    }
  }
}

@Suite struct `A memory budget` {
  @Test func `counts what is taken and given back`() throws {
    let budget = MemoryBudget(100)
    try budget.take(60, for: "one")
    let error = dataError { () throws(DataError) in try budget.take(41, for: "the other") }
    #expect(error?.problem == "the other would take 41 bytes, more than is left of the memory budget of 100 bytes")
    try budget.take(40, for: "the other")
    budget.giveBack(60)
    #expect(budget.left == 60)
  }

  @Test func `holds shapes that overflow, and those without elements`() throws {
    let budget = MemoryBudget(1 << 30)
    for shape in [[1 << 62], [1 << 40, 0, 3], [1 << 40, 1 << 40, 3], [-1], [Int.max, 0], [0, 1 << 62, 1 << 62]] {
      #expect(dataError { () throws(DataError) in try budget.take(shape: shape, for: "it") }?.code == .overMemoryBudget)
    }
    #expect(try budget.take(shape: [2, 0, 3], for: "it") == 24)
    #expect(try budget.take(shape: [], elementSize: 8, for: "it") == 8)
  }

  @Test func `has a limit that the machine can hold`() {
    #expect(MemoryBudget.standardLimit >= 1 << 26 && MemoryBudget.standardLimit <= 2_000_000_000)
    #expect(memoryText(17_200_000_000) == "17.2 GB" && memoryText(12) == "12 bytes")
  }
}
