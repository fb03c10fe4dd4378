import Foundation
import Refrain
import RefrainTestSupport
import Testing

@testable import RefrainData

@Suite("Features of sound") struct SoundFeatureTests {
  private func samples() throws -> [Float] { try Fixture("sound")("samples").values }

  private func expectRows(_ rows: FeatureFrames, _ name: String, within absolute: Float = 2e-4) throws {
    let wanted = try Fixture("sound")(name)
    expectClose(
      Tensor(rows.values, shape: [rows.count, rows.width]), wanted, name,
      within: Tolerance(relative: 0, absolute: absolute))
  }

  @Test(
    "begin with Fourier transforms of any length that are NumPy's",
    arguments: [1, 2, 3, 4, 5, 7, 12, 30, 64, 81, 97, 250, 512])
  func fourier(_ count: Int) throws {
    let fixture = try Fixture("sound").under("fft.\(count)")
    let (real, imaginary) = FourierTransform(count: count)(try fixture("numbers").values)
    expectClose(Tensor(real), try fixture("real"), within: Tolerance(relative: 1e-6, absolute: 2e-6))
    let scale = try fixture("real").values.map(abs).max() ?? 1
    expectClose(
      Tensor(imaginary), try fixture("imaginary"), within: Tolerance(relative: 1e-6, absolute: 2e-6 + scale * 1e-6))
  }

  @Test("have librosa's windows and mel filters")
  func tables() throws {
    let fixture = try Fixture("sound")
    for window in [WindowFunction.hann, .hamming, .blackman] {
      expectClose(Tensor(window(25)), try fixture("window.\(window.rawValue)"), within: Tolerance(absolute: 1e-7))
    }
    #expect(WindowFunction.rectangular(3) == [1, 1, 1])
    for scale in MelFilters.Scale.allCases {
      let filters = MelFilters(
        20, fftSize: 256, sampleRate: 8000, range: 100...3800, scale: scale, hasUnitArea: scale == .slaney)
      expectClose(Tensor(filters.matrix), try fixture("mel.\(scale.rawValue)"), within: Tolerance(relative: 2e-6))
      #expect(filters.emptyCount == 0 && filters.count == 20)
      for hertz in [20.0, 440, 1000, 5000] { #expect(abs(scale.hertz(scale.mels(hertz)) - hertz) < 1e-9) }
    }
    #expect(MelFilters(60, fftSize: 64, sampleRate: 8000, range: 0...4000).emptyCount > 0)
  }

  @Test("have names that say the frequency of a filter, and which change of a coefficient it is")
  func names() {
    let filters = SoundEncoding(SoundFeatures(.logMel, sampleRate: 8000))
    // 40 peaks are equally far apart in mels of Slaney's scale: 35.16 from 0 to 4000 Hz.
    #expect(filters.names.count == filters.width && filters.names[0] == "filter 1 (57 Hz)")
    #expect(
      SoundEncoding(SoundFeatures(.mfcc(3), deltas: 1)).names == [
        "coefficient 1", "coefficient 2", "coefficient 3", "Δ coefficient 1", "Δ coefficient 2", "Δ coefficient 3",
      ])
    #expect(SoundEncoding(.sphinx(width: 1, deltas: 2)).names == ["feature 1", "Δ feature 1", "ΔΔ feature 1"])
  }

  @Test("have librosa's logarithms of mel levels and cepstral coefficients")
  func parity() throws {
    let samples = try samples()
    try expectRows(SoundFeatures(.logMel, sampleRate: 8000)(samples), "log_mel")
    var htk = SoundFeatures(.logMel, sampleRate: 8000, melCount: 26)
    (htk.scale, htk.hasUnitArea, htk.lowest, htk.highest, htk.window) = (.htk, false, 60, 3600, .hamming)
    try expectRows(htk(samples), "log_mel_htk")
    var left = SoundFeatures(.logMel, sampleRate: 8000, melCount: 20)
    (left.fftSize, left.isCentered) = (200, false)
    try expectRows(left(samples), "log_mel_left")
    var cepstra = SoundFeatures(.mfcc(13), sampleRate: 8000)
    try expectRows(cepstra(samples), "mfcc", within: 5e-4)
    cepstra.preemphasis = 0.97
    try expectRows(cepstra(samples), "mfcc_preemphasis", within: 5e-4)
  }

  @Test("have librosa's changes beside them, and the changes of these")
  func deltas() throws {
    let rows = SoundFeatures(.mfcc(13), sampleRate: 8000, deltas: 2)(try samples())
    #expect(rows.width == 39)
    func part(_ order: Int) -> FeatureFrames {
      FeatureFrames((0..<rows.count).flatMap { Array(rows[$0]).dropFirst(13 * order).prefix(13) }, width: 13)
    }
    try expectRows(part(0), "mfcc", within: 5e-4)
    try expectRows(part(1), "mfcc.delta", within: 3e-4)
    try expectRows(part(2), "mfcc.delta_delta", within: 3e-4)
    // Fewer rows than a line goes through.
    #expect(FeatureFrames([1, 2], width: 2).withDeltas(2).values == [1, 2, 0, 0, 0, 0])
    #expect(FeatureFrames([], width: 2).withDeltas(2).count == 0)
  }

  @Test("come out of a stream with the same bits, however the samples are cut")
  func streaming() throws {
    let samples = try samples()
    for (kind, deltas, isCentered) in [
      (SoundFeatures.Kind.logMel, 0, true), (.mfcc(13), 2, true), (.logMel, 1, false),
    ] {
      var features = SoundFeatures(kind, sampleRate: 8000, deltas: deltas)
      (features.isCentered, features.preemphasis) = (isCentered, deltas == 2 ? 0.97 : 0)
      let whole = features(samples)
      #expect(whole.count == features.frameCount(samples.count) && whole.width == features.width)
      for size in [1, 7, 80, 333, 5000] {
        var stream = features.stream()
        var values: [Float] = []
        for start in stride(from: 0, to: samples.count, by: size) {
          stream.add(samples[start..<min(start + size, samples.count)])
          if start % 3 == 0 { values += stream.takeRows().values }
        }
        stream.finish()
        values += stream.takeRows().values
        #expect(values == whole.values, "\(kind), parts of \(size)")
      }
    }
    // Rows come long before the end: half a window, and the steps that changes wait for.
    var stream = SoundFeatures(.mfcc(13), sampleRate: 8000, deltas: 2).stream()
    stream.add(samples[..<(128 + 4 * 80)])
    #expect(stream.takeRows().count == 1)
    var empty = SoundFeatures().stream()
    empty.finish()
    #expect(empty.takeRows().count == 0 && SoundFeatures().frameCount(0) == 0)
  }

  @Test("of frames that have gaps between them, too")
  func gaps() {
    var features = SoundFeatures(.logMel, sampleRate: 8000)
    features.hop = 500
    let samples = ramp([3000]).values
    var stream = features.stream()
    for sample in samples { stream.add([sample]) }
    stream.finish()
    #expect(stream.takeRows() == features(samples))
  }

  @Test("are made of samples at another rate as torchaudio resamples them")
  func resampling() throws {
    let (samples, fixture) = (Array(try samples()[..<500]), try Fixture("sound"))
    for (from, to, zeros) in [(8000, 16000, 6), (8000, 5000, 16), (8000, 7999, 6), (44100, 16000, 16)] {
      let changed = Resampler(from: from, to: to, zeroCrossings: zeros)(samples)
      expectClose(
        Tensor(changed), try fixture("resample.\(from).\(to).\(zeros)"), "\(from) → \(to)",
        within: Tolerance(absolute: 1e-6))
    }
    #expect(samples.resampled(from: 8000, to: 8000) == samples)
    #expect([Float]().resampled(from: 8000, to: 16000).isEmpty)
    // A tone stays a tone; one that is too high for the new rate is gone.
    func tone(_ hertz: Float) -> [Float] { (0..<4000).map { sin(2 * .pi * hertz * Float($0) / 16000) } }
    let low = tone(500).resampled(from: 16000, to: 8000)
    let wanted = (0..<2000).map { sin(2 * Float.pi * 500 * Float($0) / 8000) }
    #expect(zip(low, wanted).dropFirst(100).dropLast(100).allSatisfy { abs($0 - $1) < 2e-3 })
    let high = tone(5000).resampled(from: 16000, to: 8000)
    #expect(high.dropFirst(100).dropLast(100).allSatisfy { abs($0) < 2e-3 })
  }

  @Test("are normalized by columns, stacked, and masked at random places")
  func frames() {
    let rows = FeatureFrames([1, 10, 3, 10, 5, 10], width: 2)
    let normalized = rows.normalized(by: rows.moments)
    #expect(normalized.values.enumerated().allSatisfy { $0 % 2 == 0 || $1 == 0 })
    #expect(abs(normalized.values[0] + 1.2247) < 1e-3 && abs(normalized.values[4] - 1.2247) < 1e-3)
    #expect(rows.stacked(2).values == [1, 10, 3, 10, 5, 10, 5, 10] && rows.stacked(2).width == 4)
    #expect(rows.stacked(1) == rows && FeatureFrames([], width: 2).stacked(3).count == 0)
    let batch = FeatureFrames.batch([rows, rows.stacked(3).count == 1 ? FeatureFrames([7, 8], width: 2) : rows])
    #expect(batch.values.shape == [2, 3, 2] && batch.steps.lengths == [3, 1])
    #expect(batch.values.values == [1, 10, 3, 10, 5, 10, 7, 8, 0, 0, 0, 0])

    var generator = RandomGenerator(seed: 4)
    let ones = Tensor.ones([3, 40, 12])
    let masks = FeatureMasks(timeCount: 1, timePart: 0.2, featureCount: 1, featurePart: 0.5)
    let masked = masks(ones, lengths: [40, 20, 10], width: 4, using: &generator)
    #expect(masked != ones && masked.values.allSatisfy { $0 == 0 || $0 == 1 })
    for row in 0..<3 {
      for step in 0..<40 {
        // Features that stand a row's width apart are one feature.
        for column in 0..<8 { #expect(masked[row, step, column] == masked[row, step, column + 4]) }
        if step >= [40, 20, 10][row] { #expect(masked[row, step, 0] == 1) }
      }
    }
    #expect(FeatureMasks.none(ones, lengths: [40, 40, 40], width: 4, using: &generator) == ones)
  }

  @Test("that Sphinx wrote are read in both orders of bytes, and what does not fit is refused")
  func sphinx() throws {
    let values = (0..<26).map { Float($0) * 0.5 - 3 }
    var little: [UInt8] = []
    little.append(littleEndian: UInt32(26))
    for value in values { little.append(littleEndian: value.bitPattern) }
    let big = stride(from: 0, to: little.count, by: 4).flatMap { little[$0..<$0 + 4].reversed() }
    try withTemporaryFolder { folder in
      let path = folder + "/a.mfc"
      for bytes in [little, big] {
        try writeAtomically(bytes, to: path)
        #expect(try SphinxFeatures.frames(contentsOf: path) == FeatureFrames(values, width: 13))
      }
      func fault(_ bytes: [UInt8]) throws -> String {
        try writeAtomically(bytes, to: path)
        return dataError { () throws(DataError) in try SphinxFeatures.frames(contentsOf: path) }?.problem ?? ""
      }
      #expect(try fault(Array(big.dropLast(4))) == "it says that it has 26 values, and there are 25")
      #expect(try fault([0, 0]) == "features of Sphinx begin with their number, and the file has 2 bytes")
      #expect(try fault([0, 0, 0, 0]) == "there are no features in it")
      #expect(try fault([0, 0, 0, 1, 0, 0, 0, 0]) == "its 1 values are no rows of 13")
      #expect(try fault(Array(big[..<4]) + [0x7F, 0xC0, 0, 0] + big[8...]) == "value 0 of row 0 is nan")
    }
  }

  @Test("of a recording that grows beyond the memory budget at their rate are refused before they are made")
  func budget() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/slow.wav"
      try writeAtomically(Recording([Float](repeating: 0, count: 2000), sampleRate: 1).wav(), to: path)
      for (rate, limit) in [(1 << 20, 1 << 30), (200, 10 << 20)] {
        let encoding = SoundEncoding(SoundFeatures(.logMel, sampleRate: rate))
        try MemoryBudget(limit).run { () throws -> Void in
          let error = dataError { () throws(DataError) in try encoding.frames(path) }
          #expect(error?.code == .overMemoryBudget && error?.file == path)
        }
      }
    }
  }

  @Test("of a recording that is too long are refused by its header, before it is read")
  func longRecordings() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/hours.wav"
      var bytes = try Recording([Float](repeating: 0, count: 8), sampleRate: 8000).wav()
      // Ten hours, of which the file has holes alone.
      let size = 10 * 3600 * 16_000
      for byte in 0..<4 { bytes[40 + byte] = UInt8(truncatingIfNeeded: size >> (8 * byte)) }
      try writeAtomically(bytes, to: path)
      #expect(truncate(path, off_t(44 + size)) == 0)
      let encoding = SoundEncoding(SoundFeatures(.logMel, sampleRate: 8000))
      let error = MemoryBudget(1 << 20).run {
        dataError { () throws(DataError) in try encoding.frames(path, longest: 600) }
      }
      #expect(error?.code == .unsupportedContent && error?.problem.contains("lasts 36000 seconds") == true)
      // What the header tells and is not there does not count.
      #expect(truncate(path, 44 + 16_000) == 0)
      #expect(try encoding.frames(path, longest: 600).frames.count == 101)
    }
  }

  @Test("of samples so great that their power is infinite are refused")
  func greatSamples() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/great.wav"
      let samples = (0..<800).map { $0 % 3 == 0 ? 3e38 : -3e38 as Float }
      try Recording(samples, sampleRate: 8000).write(to: path, as: .float32)
      for features in [SoundFeatures(.logMel, sampleRate: 8000), SoundFeatures(.mfcc(13), sampleRate: 8000, deltas: 2)]
      {
        let error = dataError { () throws(DataError) in try SoundEncoding(features).frames(path) }
        #expect(error?.code == .infiniteValue && error?.file == path)
      }
    }
  }

  @Test("with sizes that cannot be are refused before they are made")
  func faults() {
    #expect(SoundFeatures().fault == nil)
    func fault(_ change: (inout SoundFeatures) -> Void) -> String? {
      var features = SoundFeatures(.mfcc(13))
      change(&features)
      return features.fault
    }
    #expect(fault { $0.kind = .mfcc(41) } == "there are 41 coefficients of 40 filters")
    #expect(fault { $0.hop = 0 } != nil && fault { $0.fftSize = 16 } != nil && fault { $0.sampleRate = 0 } != nil)
    #expect(fault { $0.sampleRate = 1 << 20 } == nil && fault { $0.sampleRate = 1 << 20 + 1 } != nil)
    // Transforms that take as long as the square of their length.
    #expect(fault { $0.fftSize = 1 << 16 } == nil && fault { $0.fftSize = 1 << 17 } != nil)
    #expect(fault { $0.fftSize = 61 * 64 } == nil && fault { $0.fftSize = 65_521 }?.contains("65521") == true)
    #expect(fault { $0.highest = 0 } != nil && fault { $0.floor = 0 } != nil && fault { $0.deltas = 3 } != nil)
  }
}
