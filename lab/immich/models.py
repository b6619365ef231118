"""What the stand-in keeps, and the shapes in which Immich tells it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


def now() -> str:
    return stamp(datetime.now(UTC))


def stamp(moment: datetime) -> str:
    """As JavaScript writes a date, which is what Immich's clients expect."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class User:
    id: str
    email: str
    name: str
    password: str
    is_admin: bool
    created_at: str
    oauth_id: str = ""

    def dto(self, usage: int) -> dict[str, Any]:
        """UserAdminResponseDto."""
        return {
            "id": self.id,
            "email": self.email,
            "name": self.name,
            "avatarColor": "primary",
            "clusterGroupId": self.id,
            "createdAt": self.created_at,
            "deletedAt": None,
            "isAdmin": self.is_admin,
            "license": None,
            "oauthId": self.oauth_id,
            "profileChangedAt": self.created_at,
            "profileImagePath": "",
            "quotaSizeInBytes": None,
            "quotaUsageInBytes": usage,
            "shouldChangePassword": False,
            "status": "active",
            "storageLabel": "admin" if self.is_admin else None,
            "updatedAt": self.created_at,
        }


@dataclass(frozen=True)
class Session:
    id: str
    user: User


@dataclass(frozen=True)
class ApiKey:
    id: str
    user_id: str
    name: str
    permissions: tuple[str, ...]
    created_at: str

    def dto(self) -> dict[str, Any]:
        """ApiKeyResponseDto."""
        return {
            "id": self.id,
            "name": self.name,
            "permissions": list(self.permissions),
            "createdAt": self.created_at,
            "updatedAt": self.created_at,
        }


@dataclass(frozen=True)
class Asset:
    id: str
    owner_id: str
    checksum: str  # base64 of the SHA-1, as Immich tells it
    kind: str  # IMAGE or VIDEO
    file_name: str
    mime_type: str
    size: int
    file_created_at: str
    file_modified_at: str
    visibility: str
    is_favorite: bool
    is_trashed: bool
    created_at: str

    def dto(self) -> dict[str, Any]:
        """AssetResponseDto, with what metadata extraction would add left empty."""
        return {
            "id": self.id,
            "ownerId": self.owner_id,
            "checksum": self.checksum,
            "type": self.kind,
            "originalFileName": self.file_name,
            "originalMimeType": self.mime_type,
            "originalPath": f"upload/{self.owner_id}/{self.id}",
            "exifInfo": {"fileSizeInByte": self.size},
            "createdAt": self.created_at,
            "updatedAt": self.created_at,
            "fileCreatedAt": self.file_created_at,
            "fileModifiedAt": self.file_modified_at,
            "localDateTime": self.file_created_at,
            "visibility": self.visibility,
            "isArchived": self.visibility == "archive",
            "isFavorite": self.is_favorite,
            "isTrashed": self.is_trashed,
            "isEdited": False,
            "isOffline": False,
            "hasMetadata": True,
            "duplicateId": None,
            "duration": None,
            "height": None,
            "width": None,
            "libraryId": None,
            "livePhotoVideoId": None,
            "people": [],
            "resized": True,
            "stack": None,
            "tags": [],
            "thumbhash": None,
        }
