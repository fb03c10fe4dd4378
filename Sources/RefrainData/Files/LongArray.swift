import RefrainFoundation
import Synchronization

/// How much of long arrays is held in memory, and where their files are, unless an array says otherwise.
package struct LongArraySettings: Sendable {
  /// 16 MB of each array, or less where the process may have little.
  package var bytes = min(1 << 24, MemoryBudget.standardLimit / 16)
  /// The folder of files; nil is that for temporary ones.
  package var folder: String?

  /// As much in memory for so many arrays together as four have otherwise, but a part of a file each.
  package func shared(by count: Int) -> LongArraySettings {
    var settings = self
    if count > 4 { settings.bytes = max(min(bytes, 1 << 16), bytes / count * 4) }
    return settings
  }

  /// Those that hold where nobody says otherwise.
  package init() {}

  /// Those that hold.
  @TaskLocal package static var current = LongArraySettings()
}

/// An array that may be longer than memory: beyond a bound its elements are in a file without a name, which is gone
/// with the value or the process that made it.
///
/// Reading and writing it throw nothing, for that would be so in the middle of everything. Where the file fails,
/// elements are what zeros are; ``check()`` tells, and is to be called when the array has served.
package struct LongArray<Element: BitwiseCopyable & Sendable>: Sendable {
  /// How many elements are held in memory.
  let most: Int
  /// Where its file is.
  private let folder: String
  private var file: ElementFile<Element>?
  /// How many elements are in the file, and those behind them, which are not.
  private var written = 0
  private var recent: [Element]

  /// Elements at hand, to which others may be added.
  ///
  /// - Parameter most: How many elements are held in memory when others are added; nil leaves it to
  ///   ``LongArraySettings``.
  package init(_ elements: [Element] = [], most: Int? = nil) {
    let settings = LongArraySettings.current
    recent = elements
    self.most = max(1, most ?? settings.bytes / MemoryLayout<Element>.stride)
    folder = settings.folder ?? FileManager.default.temporaryDirectory.path
  }

  /// How many elements there are.
  package var count: Int { written + recent.count }
  /// Whether some of them are in a file.
  package var isInFile: Bool { file != nil }
  /// How often short parts were read from the file.
  package var readCount: Int { file?.reads.load(ordering: .relaxed) ?? 0 }

  // MARK: - Writing

  /// Adds an element.
  package mutating func append(_ element: Element) {
    recent.append(element)
    if recent.count >= limit { flush() }
  }

  /// Adds elements.
  package mutating func append(contentsOf elements: some Sequence<Element>) {
    recent.append(contentsOf: elements)
    if recent.count >= limit { flush() }
  }

  /// Small parts follow the first.
  private var limit: Int { file == nil ? most : ElementFile<Element>.part }

  /// Of two copies each goes on in its own file.
  private mutating func separate() {
    if file != nil, !isKnownUniquelyReferenced(&file) { file = file?.copy(written) }
  }

  private mutating func flush() {
    let isFirst = file == nil
    if isFirst { file = ElementFile(in: folder) }
    separate()
    file?.write(recent, at: written)
    written += recent.count
    recent.removeAll(keepingCapacity: !isFirst)
  }

  /// Puts others in the place of as many elements.
  package mutating func replace(at place: Int, with elements: [Element]) {
    let inFile = max(0, min(elements.count, written - place))
    if inFile > 0 {
      separate()
      file?.write(inFile == elements.count ? elements : Array(elements[..<inFile]), at: place)
    }
    let start = place + inFile - written
    if inFile < elements.count {
      recent.replaceSubrange(start..<start + elements.count - inFile, with: elements[inFile...])
    }
  }

  /// Brings the elements into the order that an array of them would have after `shuffle(using:)`.
  package mutating func shuffle(using generator: inout some RandomNumberGenerator) {
    guard file != nil else { return recent.shuffle(using: &generator) }
    // Each element in turn is swapped with one behind it, or itself. Those whose turn is next are in memory.
    var (start, block) = (0, [Element]())
    for place in 0..<max(0, count - 1) {
      if place == start + block.count {
        replace(at: start, with: block)
        start = place
        block = Array(self[start..<min(start + ElementFile<Element>.part, count)])
      }
      let other = place + Int.random(in: 0..<count - place, using: &generator)
      if other < start + block.count {
        block.swapAt(place - start, other - start)
      } else {
        let element = self[other..<other + 1].first ?? block[place - start]
        replace(at: other, with: [block[place - start]])
        block[place - start] = element
      }
    }
    replace(at: start, with: block)
  }

  // MARK: - Reading

  /// The elements of a part, as a slice with places of its own: one reading of the file.
  package subscript(range: Range<Int>) -> ArraySlice<Element> {
    guard let file, range.lowerBound < written else { return inMemory(range) }
    var elements = file.read(range.lowerBound..<min(range.upperBound, written))
    if range.upperBound > written { elements += recent[..<(range.upperBound - written)] }
    return elements[...]
  }

  /// The elements of a short part; where parts are asked for about in their order, read together with those behind.
  package func nearby(_ range: Range<Int>) -> ArraySlice<Element> {
    guard let file, range.lowerBound < written else { return inMemory(range) }
    guard range.upperBound <= written else { return self[range] }
    return file.nearby(range, of: written)
  }

  /// The element at a place; where they are asked for about in their order, read together with those behind.
  package subscript(place: Int) -> Element {
    guard file != nil else { return recent[place] }
    let elements = nearby(place..<place + 1)
    return elements[elements.startIndex]
  }

  private func inMemory(_ range: Range<Int>) -> ArraySlice<Element> {
    recent[range.lowerBound - written..<range.upperBound - written]
  }

  /// Calls `body` with all elements from one on, a part at a time.
  package func forEachPart(from first: Int = 0, _ body: (ArraySlice<Element>) -> Void) {
    for start in stride(from: first, to: count, by: 1 << 16) { body(self[start..<min(start + 1 << 16, count)]) }
  }

  /// Makes sure that everything could be written, and read as far as it was asked for.
  ///
  /// - Throws: `diskFull`, `unwritableFile` or `unreadableFile`.
  package func check() throws(DataError) { try file?.check() }
}

extension LongArray<Int> {
  /// Of places at which parts of something end one after another, where the part of a number lies.
  package func step(to part: Int) -> Range<Int> {
    guard part > 0 else { return 0..<self[0] }
    let ends = nearby(part - 1..<part + 1)
    // Where a file has failed both may be 0, and one of them alone.
    return ends[ends.startIndex]..<max(ends[ends.startIndex], ends[ends.startIndex + 1])
  }
}

extension LongArray: Equatable where Element: Equatable {
  package static func == (one: LongArray, other: LongArray) -> Bool {
    guard one.count == other.count else { return false }
    return stride(from: 0, to: one.count, by: 1 << 16).allSatisfy { start in
      let range = start..<min(start + 1 << 16, one.count)
      return one[range].elementsEqual(other[range])
    }
  }
}

/// Elements in a file without a name.
private final class ElementFile<Element: BitwiseCopyable & Sendable>: Sendable {
  private let descriptor: Int32
  private let folder: String
  /// What went wrong first.
  private let failure: Mutex<DataError?>
  /// Elements that were read last, where they begin, and up to where those were that were asked for.
  private let known = Mutex<(start: Int, elements: [Element], asked: Int)>((0, [], 0))
  /// How often short parts were read from the file.
  let reads = Atomic(0)

  /// How many elements are written, and about how many are read, at once.
  static var part: Int { max(1, (1 << 16) / size) }
  private static var size: Int { MemoryLayout<Element>.stride }
  private static var remedy: String { "name another folder in the environment's TMPDIR" }

  init(in folder: String) {
    self.folder = folder
    var generator = SystemRandomNumberGenerator()
    let path = folder + "/refrain-\(getpid())-\(generator.next()).array"
    descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    var failure: DataError?
    if descriptor >= 0 {
      unlink(path)
    } else {
      let isFilled = [EMFILE, ENFILE].contains(errno)
      failure = DataError(
        .unwritableFile, file: folder, "data that is too long for memory needs a file here, which cannot be made",
        remedy: isFilled ? "too many files are open: raise the limit (ulimit -n)" : Self.remedy)
    }
    self.failure = Mutex(failure)
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  func check() throws(DataError) {
    if let failure = failure.withLock({ $0 }) { throw failure }
  }

  private func fail(_ error: DataError) { failure.withLock { $0 = $0 ?? error } }

  /// Another file with the first elements of this one.
  func copy(_ count: Int) -> ElementFile {
    let copy = ElementFile(in: folder)
    for start in stride(from: 0, to: count, by: Self.part) {
      copy.write(read(start..<min(start + Self.part, count)), at: start)
    }
    if let failure = failure.withLock({ $0 }) { copy.fail(failure) }
    return copy
  }

  /// Writes elements behind the first `place` ones.
  func write(_ elements: [Element], at place: Int) {
    // Whoever asks is told of the first failure; what follows it is of no use.
    guard !elements.isEmpty, failure.withLock({ $0 == nil }) else { return }
    known.withLock { known in
      if place < known.start + known.elements.count, place + elements.count > known.start { known.elements = [] }
    }
    let start = place * Self.size
    var number: Int32?
    elements.withUnsafeBytes { bytes in
      var done = 0
      while done < bytes.count {
        let sent = pwrite(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done, off_t(start + done))
        if sent >= 0 {
          done += sent
        } else if errno != EINTR {
          number = errno
          return
        }
      }
    }
    guard let number else { return }
    let isFull = [ENOSPC, EDQUOT, EFBIG].contains(number)
    fail(
      DataError(
        isFull ? .diskFull : .unwritableFile, file: folder,
        isFull
          ? "no space left for data that is too long for memory"
          : "data that is too long for memory cannot be written here",
        remedy: Self.remedy))
  }

  func read(_ range: Range<Int>) -> [Element] {
    let count = range.count * Self.size
    return [Element](unsafeUninitializedCapacity: range.count) { buffer, filled in
      let bytes = UnsafeMutableRawBufferPointer(buffer)
      var done = 0
      while done < count {
        let received = pread(
          descriptor, bytes.baseAddress.map { $0 + done }, count - done, off_t(range.lowerBound * Self.size + done))
        if received > 0 {
          done += received
        } else if received == 0 || errno != EINTR {
          fail(
            DataError(
              .unreadableFile, file: folder, "data that is too long for memory cannot be read any more",
              remedy: "run it again"))
          for place in done..<count { bytes[place] = 0 }
          break
        }
      }
      filled = range.count
    }
  }

  /// - Parameter written: How many elements there are.
  func nearby(_ range: Range<Int>, of written: Int) -> ArraySlice<Element> {
    guard range.count <= Self.part else { return read(range)[...] }
    return known.withLock { known in
      if range.lowerBound < known.start || range.upperBound > known.start + known.elements.count {
        // Behind what is asked for here and there nothing is read. Parts may begin with the end of the one before.
        let goesOn = known.asked - range.count...known.asked + Self.part ~= range.lowerBound
        reads.add(1, ordering: .relaxed)
        let end = goesOn ? min(range.lowerBound + Self.part, written) : range.upperBound
        (known.start, known.elements) = (range.lowerBound, read(range.lowerBound..<end))
      }
      known.asked = range.upperBound
      return known.elements[range.lowerBound - known.start..<range.upperBound - known.start]
    }
  }
}
