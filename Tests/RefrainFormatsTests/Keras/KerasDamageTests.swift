import Refrain
import RefrainData
import Testing

@testable import RefrainFormats

@Suite struct `A damaged Keras file` {
  /// The bytes with one to eight places changed: single bits, bytes, whole numbers that are extreme or near the size of
  /// the file, blocks moved to other places, or the end cut off.
  private func mutated(_ bytes: [UInt8], _ seed: Int) -> [UInt8] {
    var generator = RandomGenerator(seed: UInt64(seed))
    var bytes = bytes
    func place(_ width: Int = 1) -> Int { Int.random(in: 8..<bytes.count - width, using: &generator) }
    let kind = Int.random(in: 0..<5, using: &generator)
    if kind == 4 { return Array(bytes.prefix(place())) }
    for _ in 0..<Int.random(in: 1...8, using: &generator) {
      switch kind {
      case 0: bytes[place()] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      case 1: bytes[place()] = UInt8.random(in: 0...255, using: &generator)
      case 2:
        let extremes: [UInt64] = [
          0, .max, 1 << 31, 1 << 63, 1 << 62, UInt64(bytes.count), UInt64(bytes.count - 1), 0x60,
        ]
        let (value, start) = (extremes.randomElement(using: &generator) ?? 0, place(8))
        for offset in 0..<[1, 2, 4, 8][Int.random(in: 0..<4, using: &generator)] {
          bytes[start + offset] = UInt8(truncatingIfNeeded: value >> UInt64(8 * offset))
        }
      default:
        let count = Int.random(in: 1...64, using: &generator)
        let (from, to) = (place(count), place(count))
        bytes.replaceSubrange(to..<to + count, with: Array(bytes[from..<from + count]))
      }
    }
    return bytes
  }

  @Test(arguments: ["stack.weights.h5", "conv", "latest.h5"]) func `of weights gives an error or a tree`(
    file: String
  ) throws {
    let seed =
      file == "conv"
      ? try ZipArchive(bytes: KerasFixtures.bytes("conv_lstm_2d.keras")).contents(of: "model.weights.h5")
      : try KerasFixtures.bytes(file)
    var refused = 0
    for index in 0..<30_000 {
      let bytes = mutated(seed, index)
      do throws(DataError) {
        // libhdf5 does not take part: it does not stand this.
        let tree = try HDF5Reader.tree(bytes, below: "layers")
        #expect(tree.arrays.values.reduce(0) { $0 + 4 * $1.values.count } <= 8 * bytes.count)
      } catch {
        refused += 1
      }
    }
    #expect(refused > 500)
  }

  @Test func `as a config gives an error or a model`() throws {
    let archive = try ZipArchive(bytes: KerasFixtures.bytes("stack.keras"))
    let seed = try archive.contents(of: "config.json")
    let tree = try HDF5Reader.tree(archive.contents(of: "model.weights.h5"), below: "layers")
    var refused = 0
    for index in 0..<30_000 {
      do throws(DataError) {
        _ = try KerasModel(config: JSONValue(mutated(seed, index))).sequential(tree)
      } catch {
        refused += 1
      }
    }
    #expect(refused > 1000)
  }

  @Test func `as a whole gives an error or a model`() throws {
    let seed = try KerasFixtures.bytes("embedding_mask.keras")
    for index in 0..<10_000 {
      do throws(DataError) { _ = try KerasFile.read(bytes: mutated(seed, index)) } catch {}
    }
  }
}
