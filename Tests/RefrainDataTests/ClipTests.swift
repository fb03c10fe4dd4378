import Foundation
import Refrain
import RefrainTestSupport
import Testing

@testable import RefrainData

@Suite("Clips") struct ClipTests {
  /// Frames that all differ.
  static func made(_ count: Int = 3, rows: Int = 7, columns: Int = 10, channels: Int = 1) -> Clip {
    let values = (0..<count * rows * columns * channels).map { UInt8(truncatingIfNeeded: $0 * 37 + $0 / 70) }
    return Clip(values: values, rows: rows, columns: columns, channels: channels)
  }

  private func fault(_ path: String, as format: FrameFormat = FrameFormat(), ffmpeg: String? = "/nowhere") -> DataError?
  {
    dataError { () throws(DataError) in try Clip(contentsOf: path, as: format, ffmpeg: ffmpeg) }
  }

  @Test(
    "of GIF and PNG are what Pillow reads",
    arguments: ["moving.gif", "noise.gif", "gray.png", "colored.png", "palette.png", "alpha.png"])
  func pillow(name: String) throws {
    let wanted = try Fixture("frames/frames")(name)
    let clip = try Clip(contentsOf: fixturePath("frames/" + name), ffmpeg: "/nowhere")
    #expect([clip.count, clip.rows, clip.columns, clip.channels] == wanted.shape)
    #expect(clip.values.map(Float.init) == wanted.values)
    #expect(clip.rate == (name == "moving.gif" ? 12.5 : nil) && clip.notes.isEmpty)
  }

  @Test("of GIF take back or clear what was drawn where the file says so")
  func disposal() throws {
    for disposal in [2, 3] {
      let clip = try Clip(contentsOf: fixturePath("frames/disposal\(disposal).gif"))
      #expect(clip.count == 3)
      for step in 0..<3 {
        // A rectangle of one color alone, wherever those before it were.
        for row in 0..<clip.rows {
          for column in 0..<clip.columns {
            let place = (step * clip.rows + row) * clip.columns + column
            let isHere = (2..<5).contains(row) && (1 + step..<6 + step).contains(column)
            #expect(isHere == (clip.values[3 * place + step] == 255), "\(disposal) \(step) \(row) \(column)")
          }
        }
      }
    }
  }

  @Test("written as GIF, PNG, PGM and NumPy come back")
  func written() throws {
    try withTemporaryFolder { folder in
      for channels in [1, 3] {
        let clip = Self.made(4, rows: 33, columns: 41, channels: channels)
        try writeAtomically(clip.gif(rate: 20), to: folder + "/a.gif")
        let animation = try Clip(contentsOf: folder + "/a.gif", as: FrameFormat(isGray: channels == 1))
        #expect(animation.count == 4 && animation.rows == 33 && animation.columns == 41 && animation.rate == 20)
        if channels == 1 { #expect(animation.values == clip.values) }
        // The nearest of 6, 7 and 6 steps.
        let furthest = zip(animation.values, clip.values).map { abs(Int($0) - Int($1)) }.max() ?? 0
        #expect(furthest <= 26)
        try clip.writeImages(to: folder + "/images\(channels)")
        let images = try Clip(contentsOf: folder + "/images\(channels)")
        #expect(images.values == clip.values && images.channels == channels)
        try writeAtomically(Clip.npy([clip]), to: folder + "/a.npy")
        #expect(try Clip(contentsOf: folder + "/a.npy").values == clip.values)
        try writeAtomically(PortableImage.bytes(clip, frame: 2), to: folder + "/a.pgm")
        #expect(try Clip(contentsOf: folder + "/a.pgm").values == Array(clip.frame(2)))
      }
      // Long runs fill the table of codes, and it begins anew.
      let noise = (0..<200_000).map { UInt8(truncatingIfNeeded: ($0 * $0 / 7) ^ ($0 >> 3)) }
      let clip = Clip(values: noise, rows: 400, columns: 500, channels: 1)
      try writeAtomically(clip.gif(), to: folder + "/long.gif")
      #expect(try Clip(contentsOf: folder + "/long.gif", as: FrameFormat(isGray: true)).values == noise)
    }
  }

  /// A PNG of lines with their filters before them, which are not packed.
  private static func png(
    _ columns: Int, _ rows: Int, bits: UInt8, kind: UInt8, _ lines: [UInt8], palette: [UInt8] = []
  ) -> [UInt8] {
    func bigEndian(_ value: Int) -> [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) } }
    func chunk(_ name: String, _ data: [UInt8]) -> [UInt8] {
      bigEndian(data.count) + Array(name.utf8) + data + [0, 0, 0, 0]
    }
    // Adler's sums, which zlib looks at.
    var (low, high) = (1, 0)
    for byte in lines {
      low = (low + Int(byte)) % 65521
      high = (high + low) % 65521
    }
    let count = UInt16(lines.count)
    let sizes = [count, ~count].flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
    return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
      + chunk("IHDR", bigEndian(columns) + bigEndian(rows) + [bits, kind, 0, 0, 0]) + chunk("PLTE", palette)
      + chunk("IDAT", [0x78, 0x01, 0x01] + sizes + lines + bigEndian(high << 16 | low)) + chunk("IEND", [])
  }

  @Test("of PNG may have any number of bits")
  func bits() throws {
    // Ten columns of one bit are two bytes, of which the last six bits are nothing; the second line is given by its
    // difference from the one above (filter 2).
    let white = try PNG.clip(Self.png(10, 2, bits: 1, kind: 0, [0, 0b1010_0000, 0b0100_0000, 2, 0b0000_0001, 0]))
    #expect(white?.values == [255, 0, 255, 0, 0, 0, 0, 0, 0, 255, 255, 0, 255, 0, 0, 0, 0, 255, 0, 255])
    #expect(try PNG.clip(Self.png(3, 1, bits: 2, kind: 0, [0, 0b0001_1011]))?.values == [0, 85, 170])
    // Two places of a palette in a byte.
    let colors: [UInt8] = [1, 2, 3, 4, 5, 6]
    #expect(try PNG.clip(Self.png(2, 1, bits: 4, kind: 3, [0, 0x10], palette: colors))?.values == [4, 5, 6, 1, 2, 3])
    #expect(throws: DataError.self) { try PNG.clip(Self.png(2, 1, bits: 4, kind: 3, [0, 0x12], palette: colors)) }
    // Of 16 bits the upper 8; the second place is given by its difference from the first, two bytes before (filter 1).
    #expect(try PNG.clip(Self.png(2, 1, bits: 16, kind: 0, [1, 0x12, 0x34, 0x01, 0xFF]))?.values == [0x12, 0x13])
    #expect(
      try PNG.clip(Self.png(1, 1, bits: 16, kind: 6, [0, 9, 0, 8, 0, 7, 0, 6, 0]))?.values == [9, 8, 7])
    #expect(throws: DataError.self) { try PNG.clip(Self.png(1, 1, bits: 4, kind: 2, [0, 0, 0])) }
  }

  @Test("of arrays are single ones or several, by their shape")
  func arrays() throws {
    try withTemporaryFolder { folder in
      let clips = [Self.made(), Clip(values: Self.made().values.reversed(), rows: 7, columns: 10, channels: 1)]
      try writeAtomically(Clip.npy(clips), to: folder + "/two.npy")
      #expect(try ClipLibrary.paths(in: folder + "/two.npy") == ["/two.npy#0", "/two.npy#1"].map { folder + $0 })
      #expect(try Clip(contentsOf: folder + "/two.npy#1") == clips[1])
      let library = ClipLibrary([1, 0, 1].map { folder + "/two.npy#\($0)" }, as: FrameFormat(), keeping: 0)
      #expect(try library.clip(0) == clips[1] && library.clip(1) == clips[0] && library.clip(2) == clips[1])
      #expect(fault(folder + "/two.npy")?.description.contains("holds 2 clips") == true)
      #expect(fault(folder + "/two.npy#2")?.description.contains("there is no clip 2") == true)
      try writeAtomically(
        NumericArray([0, 0.5, 1, 0.25], shape: [1, 2, 2]).npy(), to: folder + "/shares.npy")
      #expect(try Clip(contentsOf: folder + "/shares.npy").values == [0, 128, 255, 64])
      #expect(fault(folder + "/shares.npy#0")?.description.contains("leave out '#' and the number") == true)
      try writeAtomically(NumericArray([0, 1, 300, 2], shape: [1, 2, 2]).npy(), to: folder + "/large.npy")
      #expect(fault(folder + "/large.npy")?.code == .wrongInput)
      try writeAtomically(NumericArray([0, .nan], shape: [1, 1, 2]).npy(), to: folder + "/nan.npy")
      #expect(fault(folder + "/nan.npy")?.code == .infiniteValue)
      try writeAtomically(NumericArray([Float](), shape: [0, 4, 4]).npy(), to: folder + "/empty.npy")
      #expect(fault(folder + "/empty.npy")?.code == .missingValue)
      try writeAtomically(NumericArray([1, 2] as [Float], shape: [2]).npy(), to: folder + "/row.npy")
      #expect(fault(folder + "/row.npy")?.code == .invalidTensor)
      try writeAtomically(Clip.npy([clips[0]]), to: folder + "/one#1")
      #expect(try Clip(contentsOf: folder + "/one#1") == clips[0])
      #expect(Clip.isClip("a.npy#3") && Clip.isClip("x-ubyte.gz#3") && !Clip.isClip("room #12") && Clip.isClip("A.MP4"))
      // MNIST's format: images one by one.
      let idx: [UInt8] = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 1] + [1, 2, 3, 4]
      try writeAtomically(idx, to: folder + "/images-idx3-ubyte")
      #expect(try Clip(contentsOf: folder + "/images-idx3-ubyte#1").values == [3, 4])
      try writeAtomically(Array(idx.dropLast()), to: folder + "/cut-idx3-ubyte")
      #expect(fault(folder + "/cut-idx3-ubyte#0")?.code == .damagedFile)
    }
  }

  @Test("are brought to a size, to gray and to a rate")
  func formats() throws {
    let clip = Clip(values: [0, 100, 200, 40], rows: 2, columns: 2, channels: 1, rate: 10)
    #expect(clip.formatted(as: FrameFormat(rows: 1, columns: 1)).values == [85])
    let larger = clip.formatted(as: FrameFormat(rows: 2, columns: 4)).values
    #expect(larger == [0, 25, 75, 100, 200, 160, 80, 40])
    #expect(
      clip.formatted(as: FrameFormat(isGray: false)).values == [0, 0, 0, 100, 100, 100, 200, 200, 200, 40, 40, 40])
    let color = Clip(values: [255, 0, 0, 0, 0, 255], rows: 1, columns: 2, channels: 3)
    #expect(color.formatted(as: FrameFormat(isGray: true)).values == [76, 29])
    let long = Clip(values: (0..<10).map { UInt8($0) }, rows: 1, columns: 1, channels: 1, rate: 10)
    #expect(long.formatted(as: FrameFormat(rate: 5)).values == [1, 3, 5, 7, 9])
    #expect(long.formatted(as: FrameFormat(rate: 20)).values.count == 20)
    #expect(FrameFormat.size("64x48").map { [$0.columns, $0.rows] } == [64, 48])
    #expect(FrameFormat.size("64").map { [$0.columns, $0.rows] } == [64, 64])
    for text in ["", "x", "0x3", "1x2x3", "-1x4", "99999x1"] { #expect(FrameFormat.size(text) == nil) }
    let values = Tensor([0, 0.5, 1.5, .nan], shape: [1, 2, 2, 1])
    #expect(Clip(values).values == [0, 128, 255, 0])
    #expect(Clip(clip.tensor, rate: 10) == clip)
  }

  @Test("at a rate whose frames have no room are refused before they are made")
  func rates() throws {
    try withTemporaryFolder { folder in
      // The slowest that a GIF can be: 655.35 seconds a frame.
      try writeAtomically(Self.made().gif(rate: 0.001), to: folder + "/slow.gif")
      let error = MemoryBudget(1 << 22).run { fault(folder + "/slow.gif", as: FrameFormat(rate: 1000)) }
      #expect(error?.code == .overMemoryBudget && error?.file == folder + "/slow.gif")
      let library = ClipLibrary([folder + "/slow.gif"], as: FrameFormat(rate: 1000), keeping: 0)
      #expect(
        MemoryBudget(1 << 22).run { dataError { () throws(DataError) in try library.clip(0) } }?.code
          == .overMemoryBudget)
      #expect(try Clip(contentsOf: folder + "/slow.gif", as: FrameFormat(rate: 0.01)).count == 20)
    }
  }

  @Test("of a folder are its images, numbers in their order")
  func folders() throws {
    try withTemporaryFolder { folder in
      let clip = Self.made(11)
      for number in 0..<11 {
        try writeAtomically(PortableImage.bytes(clip, frame: number), to: folder + "/f\(number).pgm")
      }
      try writeAtomically("notes", to: folder + "/readme.txt")
      #expect(try Clip(contentsOf: folder).values == clip.values)
      #expect(try ClipLibrary.paths(in: folder) == [folder])
      let other = Clip(values: [1, 2], rows: 1, columns: 2, channels: 1)
      try writeAtomically(PortableImage.bytes(other, frame: 0), to: folder + "/g.pgm")
      let error = try #require(fault(folder))
      #expect(error.code == .wrongInput && error.description.contains("g.pgm: its frame is 2 × 1, gray"))
      #expect(try Clip(contentsOf: folder, as: FrameFormat(rows: 4, columns: 4)).count == 12)
      try FileManager.default.createDirectory(atPath: folder + "/none", withIntermediateDirectories: false)
      #expect(fault(folder + "/none")?.code == .missingValue)
      // A request does not even learn which folders there are.
      for path in [folder, folder + "/none", folder + "/nothing"] {
        #expect(FileAccess.$allowed.withValue([]) { fault(path) }?.code == .unreadableFile)
      }
    }
  }

  /// A program in place of ffmpeg.
  private func withProgram(_ script: String, _ body: (_ program: String, _ file: String) throws -> Void) throws {
    try withTemporaryFolder { folder in
      let (program, file) = (folder + "/ffmpeg", folder + "/clip.mp4")
      try ("#!/bin/sh\n" + script).write(toFile: program, atomically: true, encoding: .utf8)
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
      try "no clip at all".write(toFile: file, atomically: true, encoding: .utf8)
      try body(program, file)
    }
  }

  @Test("of other files come from ffmpeg, which is told the size and the rate")
  func ffmpeg() throws {
    let frames = #"printf 'P5\n2 1\n255\nabP5\n2 1\n255\ncd'"#
    try withProgram("echo \"$@\" >&2; \(frames)") { program, file in
      let clip = try Clip(
        contentsOf: file, as: FrameFormat(rows: 1, columns: 2, isGray: true, rate: 5), ffmpeg: program)
      #expect(clip.values == Array("abcd".utf8) && clip.count == 2 && clip.rate == 5)
      let note = try #require(clip.notes.first)
      #expect(note.contains("fps=5.0") || note.contains("…"))
    }
    // Half a frame, an end with an error, nothing, no program.
    for (script, code) in [
      (#"printf 'P5\n2 1\n255\na'"#, DataError.Code.damagedFile), ("\(frames); exit 3", .damagedFile),
      ("echo 'Invalid data' >&2; exit 1", .wrongFormat), ("exit 0", .wrongFormat),
      (#"printf 'P5\n2 1\n255\nabP5\n1 1\n255\nc'"#, .wrongInput),
    ] {
      try withProgram(script) { program, file in
        let error = try #require(fault(file, ffmpeg: program))
        #expect(error.code == code && error.file == file && !error.description.contains("\n"), "\(script)")
      }
    }
    try withProgram("") { _, file in
      #expect(fault(file)?.code == .unsupportedContent)
      #expect(fault(file + "x")?.code == .missingFile)
    }
    try withTemporaryFolder { folder in
      try writeAtomically("", to: folder + "/empty.gif")
      #expect(fault(folder + "/empty.gif")?.code == .emptyFile)
    }
  }

  @Test("that are damaged at any byte never stop the program")
  func hostile() throws {
    var generator = RandomGenerator(seed: 4)
    for name in ["moving.gif", "noise.gif", "palette.png", "alpha.png"] {
      let bytes = Array(try Data(contentsOf: URL(filePath: fixturePath("frames/" + name))))
      func read(_ bytes: [UInt8]) {
        let budget = MemoryBudget(1 << 24)
        _ = dataError { () throws(DataError) in
          try budget.run {
            Result { () throws(DataError) in
              if GIFReader.isGIF(bytes) { _ = try GIFReader.clip(bytes) }
              if PNG.isPNG(bytes) { _ = try PNG.clip(bytes) }
            }
          }.get()
        }
      }
      for length in stride(from: 0, to: bytes.count, by: 7) { read(Array(bytes.prefix(length))) }
      for _ in 0..<400 {
        var changed = bytes
        for _ in 0..<1 + generator.integer(below: 4) {
          changed[generator.integer(below: changed.count)] = UInt8(generator.integer(below: 256))
        }
        read(changed)
      }
    }
    // One that breaks off shows the frames before.
    let bytes = Array(try Data(contentsOf: URL(filePath: fixturePath("frames/moving.gif"))))
    let clip = try GIFReader.clip(Array(bytes.dropLast(60)))
    #expect((1...3).contains(clip.count) && clip.notes.count == 1)
  }
}
